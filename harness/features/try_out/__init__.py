"""Try a sparsifier on a model of the user's own."""
