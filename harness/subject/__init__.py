"""The floor of the sparsifier under test: the adapter protocol and discovery."""
