"""The operations of a sparsifier as tasks that can be timed and counted."""
