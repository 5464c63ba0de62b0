"""`sparsecheck states`: state dicts written under one torch and read under another."""
