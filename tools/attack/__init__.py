"""Attacks on sparsecheck: each must be seen for what it is, by the exit code and by the message.

An attack is one file below `attacks/`. Its docstring says what it does; constants say what must be seen:

    LINE      the line of `lines.py` that it belongs to
    EXIT      the exit code, or a tuple of acceptable ones
    SAYS      a regular expression for the message that names the cause
    NEVER     optional: a regular expression that must not be printed
    SLOW      optional: True if `--fast` leaves it out: it takes more than about two seconds, or a test does the same
    LIMIT     optional: why the attack is known not to be held; it is then an error if it is
    COLD      optional: True if its processes must start from nothing

There are two shapes. An *adapter attack* defines a hostile adapter, for `sparsecheck run --adapter FILE`:

    JUDGED    optional: the cells, as options of `sparsecheck run`
    BLAMES    optional: part of the id of the cell whose record must have the message
    SPARES    optional: part of the ids of cells that must not be red

All others define `attack(box)`, which does to the files, the environment or the process in `box` whatever the docstring
says, and calls sparsecheck. The constants are about its last call. The constants are literals, so that this tool reads
the file of a hostile adapter without importing it.
"""
