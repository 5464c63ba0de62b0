"""The oracle: expected results in NumPy, independent of the code under test, and comparisons with them."""
