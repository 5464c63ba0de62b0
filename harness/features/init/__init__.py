"""`sparsecheck init`: scaffold an adapter, its registration and CI in a package."""
