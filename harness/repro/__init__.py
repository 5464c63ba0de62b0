"""Stand-alone scripts that fail as a cell does, fit to paste into an upstream issue."""
