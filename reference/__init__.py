"""Saved reference outputs and timings: data alone."""
