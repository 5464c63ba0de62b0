"""State dicts through time: written under one torch, read under every other."""
