"""STATE: saving, restoring, copying and casting a sparse model."""
