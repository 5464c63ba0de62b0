"""The shared cases: one file an area, one behaviour a function."""
