"""The kill matrix: which requirements reject which miniature."""
