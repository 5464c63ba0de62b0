"""`sparsecheck gate`: compare a report with a baseline."""
