"""`sparsecheck page`: the results of all sparsifiers as a page."""
