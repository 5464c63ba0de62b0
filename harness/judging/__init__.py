"""The floor that knows what is right: oracles, comparisons, references, expectations, the ledger."""
