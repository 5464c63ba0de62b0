"""Judge every false declaration, and pin how each is rejected."""
