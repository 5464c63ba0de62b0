"""Core commands, and the steps that all commands share."""
