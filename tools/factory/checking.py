"""Show that a product differs from the exemplar under its condition, and not in the same scene without it."""

from __future__ import annotations

from enum import Enum
from functools import cache

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from tests.conditional.scene import Scene, Seen, first_difference, look

from .products import Product


class Shows(Enum):
    """What a product does in its scene and in the canonical one."""

    YES = "differs under its condition alone"
    NOT = "cannot show under this condition"
    NO_SCENE = "the exemplar refuses the scene"
    ALWAYS = "differs in the canonical scene too"


@cache
def _expected(scene: Scene) -> list[Seen]:
    return look(ExemplarAdapter(), scene)


def check(product: Product) -> Shows:
    """Run the product's scenes on the exemplar and on the product, and compare everything that can be seen."""
    expected = _expected(product.scene)
    if expected[0][0] == "attach raised":
        return Shows.NO_SCENE
    if not first_difference(product.adapter(), product.scene, expected):
        return Shows.NOT
    canonical = first_difference(product.adapter(), product.canonical, _expected(product.canonical))
    return Shows.ALWAYS if canonical else Shows.YES
