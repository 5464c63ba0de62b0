"""`sparsecheck bench`: time operations and gate on slowdowns."""
