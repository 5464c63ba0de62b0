"""Running cases: from a request to a report, one process per sparsifier."""
