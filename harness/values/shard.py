"""Shards: the part of a run that one of several machines judges."""

from __future__ import annotations

import re

from msgspec import Struct

from ..errors import SparsecheckError
from ..suggestions import quoted


class InvalidShard(SparsecheckError, ValueError):
    """Raised if a text is not a shard."""


class Shard(Struct, frozen=True):
    """Shard `number` of `count`, counted from 1 and written `number/count`."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Return the shard that is written `text`.

        Raises:
            InvalidShard: The text has another form, or the number is not between 1 and the count.
        """
        found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
        shard = cls(int(found[1]), int(found[2])) if found else None
        if shard is None or not 1 <= shard.number <= shard.count:
            raise InvalidShard(f"{quoted(text)} is not a shard", "Write K/N, with K from 1 to N, as in 2/3.")
        return shard
