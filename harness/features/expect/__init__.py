"""`sparsecheck expect`: generate expectation files from reports."""
