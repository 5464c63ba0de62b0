"""Adapters that ship with sparsecheck, one module per package, registered like any other."""
