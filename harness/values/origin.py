"""The origin of judged code, and the fingerprint by which two versions of it are told apart."""

from __future__ import annotations

from msgspec import Struct

UNUSED = "not imported by its adapter"

_SHOWN = 8
"""The number of characters of a digest that are shown."""


class Origin(Struct, frozen=True, omit_defaults=True):
    """The place from which the judged code was imported.

    Attributes:
        distribution: The name that the adapter states; empty if its file belongs to no distribution.
        version: Its installed version; empty if it is not installed.
        file: The file of its outermost module; that of the adapter if this imports none of its modules; empty if there
            is none.
        deviation: The reason why `file` does not belong to an installed release: `not installed`, `editable install`,
            `checkout`, `adapter file` or `not imported by its adapter` (`UNUSED`); empty if it does.
    """

    distribution: str
    version: str = ""
    file: str = ""
    deviation: str = ""

    def __str__(self) -> str:
        return f"{self.package} ({self.deviation or 'installed release'})"

    @property
    def package(self) -> str:
        """Return the distribution and its version, for display."""
        return f"{self.distribution} {self.version}".strip() or "no distribution"


class Fingerprint(Struct, frozen=True, omit_defaults=True):
    """Digests of all files that decide the verdicts of one sparsifier: equal digests mean equal files.

    Attributes:
        package: The code files of the distribution; empty if none were found.
        adapter: The adapter's file, and the modules of its own that it imports.
        expectations: The expectation file; empty if there is none.
    """

    package: str = ""
    adapter: str = ""
    expectations: str = ""

    def __str__(self) -> str:
        """Return the first characters of the digest of the package and of the adapter."""
        return "+".join(short_digest(digest) for digest in (self.package, self.adapter) if digest)

    def changes(self, other: Fingerprint, distribution: str, pair: str) -> list[str]:
        """Describe each part that differs in `other`, with its digest before and after.

        Args:
            other: The later fingerprint.
            distribution: The name of the distribution, for the description.
            pair: The format of two digests.
        """
        parts = (
            (f"the code of {distribution or 'the package'}", self.package, other.package),
            ("the adapter file", self.adapter, other.adapter),
            ("the expectation file", self.expectations, other.expectations),
        )
        shown = ((what, pair.format(short_digest(one), short_digest(two))) for what, one, two in parts if one != two)
        return [f"{what} ({digests})" for what, digests in shown]


def short_digest(digest: str) -> str:
    """Return the first characters of a digest, for display."""
    return digest[:_SHOWN] or "none"
