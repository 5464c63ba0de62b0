"""Optional features, each with its own command; no feature imports another."""
