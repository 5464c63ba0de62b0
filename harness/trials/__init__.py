"""Trials: one cell made concrete in torch, and the assertions that cases share."""
