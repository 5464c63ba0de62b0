"""Starting in a package of one's own: what `sparsecheck init` reads and writes."""
