"""Stored references: what they hold, whether it is right still, and how they are written."""
