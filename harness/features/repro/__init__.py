"""`sparsecheck repro`: stand-alone scripts that reproduce one failure."""
