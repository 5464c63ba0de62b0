"""Results of judges as text: the kill rate, by fault and by condition, and the survivors.

python -m tools.factory.page corpus.jsonl cases.jsonl miniatures.jsonl > docs/factory.md
"""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec
import msgspec.toml

from .judging import Result
from .products import Product, product_of

EXPLANATIONS = Path(__file__).with_name("survivors.toml")
"""Why the survivors survive."""

HEAD = """\
# Broken sparsifiers, and what rejects them

Written by `python -m tools.factory.page`. Do not edit it by hand.

`tools/factory` makes sparsifiers that are wrong in one way under one condition: the exemplar with one of {faults}
faults whenever one of {conditions} conditions holds. Of the {all} products, those count that differ from the exemplar
in a scene that meets the condition, and do not without it. {shown} of these were judged by programs: an even sample,
unless it is all of them.

```sh
python -m tools.factory --judge corpus --every 6 --json corpus.jsonl
python -m tools.factory --judge cases --every 20 --json cases.jsonl
python -m tools.factory --judge order --of miniatures --json miniatures.jsonl
python -m tools.factory.page corpus.jsonl cases.jsonl miniatures.jsonl > docs/factory.md
```

A product does what the exemplar does until its fault acts. So a recorder, the exemplar with every condition consulted
at every place and nothing done, first shows which programs and cells a fault can change, and a product is judged by
those alone. No program rejects the recorder; the cells that torch cannot trace with conditions in them are left out.
"""


@dataclass(frozen=True)
class Explanation:
    """Why some products survive.

    Attributes:
        reason: The reason.
        products: Patterns of their names.
        counts: Whether they count as missed; if not, no program of the profile could ever notice them.
    """

    reason: str
    products: tuple[str, ...]
    counts: bool = True

    def explains(self, name: str) -> bool:
        """Return whether it is about a product."""
        return any(fnmatchcase(name, one) for one in self.products)


def explanations() -> list[Explanation]:
    """Return the explanations, in the order of their file."""
    stored = msgspec.toml.decode(EXPLANATIONS.read_bytes(), type=dict[str, list[Explanation]])
    return stored.get("explanation", [])


def explanation_of(name: str, all: Sequence[Explanation]) -> Explanation | None:
    """Return the first explanation of a product, or None if there is none."""
    return next((one for one in all if one.explains(name)), None)


# ----------------------------------------------------------------- rates


def rate(results: Sequence[Result]) -> str:
    """Return how many are rejected, in words."""
    killed = sum(bool(one.violated) for one in results)
    return f"{killed} of {len(results)} ({killed / max(len(results), 1):.1%})"


def interval(killed: int, count: int) -> tuple[float, float]:
    """Return the Wilson interval of a rate, at 95 %."""
    if not count:
        return 0.0, 1.0
    z, share = 1.959964, killed / count
    middle, width = share + z * z / (2 * count), z * math.sqrt(share * (1 - share) / count + z * z / (4 * count**2))
    scale = 1 + z * z / count
    return max(0.0, (middle - width) / scale), min(1.0, (middle + width) / scale)


def groups(results: Sequence[Result]) -> dict[str, list[Result]]:
    """Return the results by group, in the order of the first of each."""
    return _grouped(results, lambda one: one.broken.group)


def _grouped(results: Sequence[Result], key: Callable[[Result], str]) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = defaultdict(list)
    for one in results:
        found[key(one)].append(one)
    return found


def lines(results: Sequence[Result]) -> Iterator[str]:
    """Yield the lines that a terminal shows."""
    for group, those in groups(results).items():
        yield f"  {group}: {rate(those)}"
    for one in results:
        if one.error:
            yield f"ERROR {one.broken.name}: the judge raised {one.error}"
        elif not one.violated:
            yield f"SURVIVES {one.broken.name}: {one.broken.says}{_reach(one)}"
    yield f"rejected: {rate(results)}"


def _reach(one: Result) -> str:
    return "" if one.reached is None else f"; {one.reached} programs or cells reach it"


# ----------------------------------------------------------------- the page


def page(corpus: Sequence[Result], cases: Sequence[Result], miniatures: Sequence[Result], all: int) -> str:
    """Return the page as Markdown.

    Args:
        corpus: What the programs of the corpus say of the products.
        cases: What the cells of all other areas say of a sample of them.
        miniatures: What both say of the conditional miniatures, in the order of the corpus.
        all: The number of products, with those that cannot show.
    """
    faults, conditions = ({_of(one).fault.name for one in corpus}, {_of(one).condition.name for one in corpus})
    head = HEAD.format(faults=len(faults), conditions=len(conditions), shown=len(corpus), all=all)
    by_fault = _table("fault", corpus, cases, lambda one: f"{_of(one).fault.name} ({_of(one).fault.kind})")
    by_condition = _table("condition", corpus, cases,
                          lambda one: f"{_of(one).condition.name} ({_of(one).condition.axis})")
    parts = (
        head, "## Rates", *_rates(corpus, cases), "## By fault", *by_fault, "## By condition", *by_condition,
        "## Survivors", *_survivors(corpus), "## Conditional miniatures", *_miniatures(miniatures),
    )
    return "\n".join(parts)


def _of(one: Result) -> Product:
    return product_of(one.broken.name)


def _rates(corpus: Sequence[Result], cases: Sequence[Result]) -> Iterator[str]:
    reasons = explanations()
    open_ones = [one for one in corpus if one.violated or _counts(one, reasons)]
    by_cases = {one.broken.name for one in cases if one.violated}
    both = [one for one in corpus if one.broken.name in {case.broken.name for case in cases}]
    either = sum(bool(one.violated) or one.broken.name in by_cases for one in both)
    yield "\n| judged by | products | rejected | 95 % |\n|---|---|---|---|"
    yield _rate_row("programs of the corpus", sum(bool(one.violated) for one in corpus), len(corpus))
    yield _rate_row("the same, without what no program can notice", sum(bool(one.violated) for one in open_ones),
                    len(open_ones))
    yield _rate_row("hand-written cases, on a sample", len(by_cases), len(cases))
    yield _rate_row("programs or cases, on that sample", either, len(both))
    yield "\nThe interval is Wilson's. A sample is every N-th product.\n"


def _counts(one: Result, reasons: Sequence[Explanation]) -> bool:
    found = explanation_of(one.broken.name, reasons)
    return found is None or found.counts


def _rate_row(what: str, killed: int, count: int) -> str:
    low, high = interval(killed, count)
    return f"| {what} | {count} | {killed} ({killed / max(count, 1):.1%}) | {low:.1%} to {high:.1%} |"


def _table(
    head: str, corpus: Sequence[Result], cases: Sequence[Result], key: Callable[[Result], str]
) -> Iterator[str]:
    sampled = _grouped(cases, key)
    yield f"\n| {head} | by programs | by cases, sampled |\n|---|---|---|"
    for name, those in _grouped(corpus, key).items():
        yield f"| {name} | {_share(those)} | {_share(sampled.get(name, []))} |"
    yield ""


def _share(results: Sequence[Result]) -> str:
    return f"{sum(bool(one.violated) for one in results)} of {len(results)}"


def _survivors(corpus: Sequence[Result]) -> Iterator[str]:
    left, reasons = [one for one in corpus if not one.violated], explanations()
    yield f"\nThe programs accept {len(left)} of {len(corpus)} products; `tools/factory/survivors.toml` says why."
    for reason in reasons:
        own = [one for one in left if explanation_of(one.broken.name, reasons) is reason]
        if own:
            yield f"\n{'Missed' if reason.counts else 'Not counted'}, {len(own)}: {' '.join(reason.reason.split())}\n"
            yield from map(_survivor, own)
    unexplained = [one for one in left if explanation_of(one.broken.name, reasons) is None]
    if unexplained:
        yield "\nNot explained yet:\n"
        yield from map(_survivor, unexplained)
    yield ""


def _survivor(one: Result) -> str:
    reach = "no program reaches it" if not one.reached else f"{one.reached} programs reach it"
    return f"- `{one.broken.name}`: {reach}"


def _miniatures(results: Sequence[Result]) -> Iterator[str]:
    places = [one for one in results if "program " in one.violated]
    killed = sum(bool(one.violated) for one in results)
    yield f"\n{len(places)} of {len(results)} are rejected by a program, {killed} by a program or a case."
    yield "Programs are tried in the order of the corpus.\n\n| sparsifier | wrong | rejected by |\n|---|---|---|"
    for one in results:
        yield f"| {one.broken.name.removesuffix('Adapter')} | {one.broken.says} | {_short(one.violated) or 'nothing'} |"
    yield ""


def _short(violated: str) -> str:
    """Return a rejection without its message: the program or cell, its place, and the kind."""
    return ":".join(violated.split(":")[:2]).replace("|", "/")


def _read(file: str) -> list[Result]:
    return msgspec.json.Decoder(Result).decode_lines(Path(file).read_bytes())


if __name__ == "__main__":
    from .products import products

    of_corpus, of_cases, of_miniatures = map(_read, sys.argv[1:4])
    sys.stdout.write(page(of_corpus, of_cases, of_miniatures, sum(1 for _ in products())))
