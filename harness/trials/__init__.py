"""The floor of one trial: a cell made concrete in torch, and what cases do with it and judge it by."""
