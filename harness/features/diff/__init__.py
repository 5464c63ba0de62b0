"""`sparsecheck record` and `sparsecheck diff`: snapshots of numerical behaviour, and how they differ."""
