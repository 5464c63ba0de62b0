"""The shared cases: one file per area, one behaviour per function."""
