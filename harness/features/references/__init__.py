"""`sparsecheck reference`: check and write the stored references."""
