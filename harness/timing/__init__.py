"""Timing the operations of sparsifiers, in runs of their own."""
