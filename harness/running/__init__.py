"""The floor that runs cases: from what is asked for to the records, one process a sparsifier."""
