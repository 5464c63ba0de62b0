"""The protocol that a sparsifier package implements, base classes for it, and discovery of registered adapters."""
