"""`sparsecheck snapshot` and `sparsecheck diff`: take snapshots of numerical behaviour, and compare them."""
