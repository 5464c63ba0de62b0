"""The floor that runs cases: the pytest plugin, the trial each case is given, one process a sparsifier."""
