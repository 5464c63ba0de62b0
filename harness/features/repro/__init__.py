"""`sparsecheck repro`: stand-alone scripts that reproduce failures."""
