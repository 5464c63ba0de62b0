"""TRACE: a sparse model under torch.jit.trace, torch.export and torch.compile."""
