"""What a package begins with: an adapter, its registration, and what runs it."""
