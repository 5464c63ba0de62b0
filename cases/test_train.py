"""TRAIN: a sparse model stays sparse while it learns."""
