"""`sparsecheck versions`: results of the same sparsifiers across torch versions, as a page."""
