"""The corpus: programs that combine every two values and every two neighbouring steps."""
