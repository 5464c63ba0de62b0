"""`sparsecheck explore`: search for programs that a sparsifier runs wrongly."""
