"""Which part of a run one machine of several judges."""

from __future__ import annotations

import re

from msgspec import Struct


class InvalidShard(ValueError):
    """Text that names no shard."""


class Shard(Struct, frozen=True):
    """Written `number/count`; the first is 1."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @classmethod
    def parse(cls, text: str) -> Shard:
        """The shard that is written `text`.

        Raises:
            InvalidShard: `text` has another form, or a number that is none of the count.
        """
        found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
        shard = cls(int(found[1]), int(found[2])) if found else None
        if shard is None or not 1 <= shard.number <= shard.count:
            raise InvalidShard(f"{text!r} is no shard; a shard is k/n with k from 1 to n, as 2/3")
        return shard
