"""From a run request to a report: one process per sparsifier, each a pytest of its own."""
