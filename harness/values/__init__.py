"""Frozen values that every other package passes around; nothing here imports torch."""
