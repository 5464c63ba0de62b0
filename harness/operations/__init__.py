"""The operations of a sparsifier as timed and counted tasks."""
