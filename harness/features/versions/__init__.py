"""`sparsecheck matrix`: results across torch versions as a page."""
