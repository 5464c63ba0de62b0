"""Telling: from a report to what a person reads. Rests on values and judging alone."""
