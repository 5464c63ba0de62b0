"""What is right, computed in NumPy independently of the code under test, and how results are compared with it."""
