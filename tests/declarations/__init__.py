"""False declarations: sparsifiers that are honest but for one capability or one clause of the contract.

The table of them is generated: every capability, declared supported by one that lacks it and unsupported by one that
has it; and every value of every clause, declared by a sparsifier of which another is true. The suite must reject each
pair, apart from those in `table.PERMITTED`.
"""
