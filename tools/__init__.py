"""Commands for those who work on sparsecheck itself; the wheel contains none of them."""
