"""Reports of runs: ledger, verdicts, expectations, and how reports are merged, resumed and compared."""
