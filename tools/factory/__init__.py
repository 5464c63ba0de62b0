"""A factory of broken sparsifiers: the exemplar with one fault under one condition, for every pair of two tables.

`faults.py` and `conditions.py` are the tables, `products.py` makes an adapter of a pair, `checking.py` shows that it
differs from the exemplar under its condition and nowhere else, and `judging.py` counts how many a judge rejects.
"""
