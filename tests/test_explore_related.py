"""`sparsecheck explore` runs pairs of programs whose masks belong together, and shows both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.features.explore.drawn import Drawn, made
from sparsecheck.features.explore.find import signature
from sparsecheck.features.explore.messages import Outcome
from sparsecheck.programs.offer import Offer
from sparsecheck.programs.related import programs_of
from sparsecheck.programs.relations import RELATIONS
from sparsecheck.programs.render import definitions, imports, render_pair
from sparsecheck.values.contract import Invariance
from sparsecheck.values.program import InvalidProgram, Program, ProgramLayer, Removal
from sparsecheck.values.program_json import from_json, to_json
from sparsecheck.values.skeleton import Skeleton, Slot
from sparsecheck.values.steps import Attach, Cast, Train, Update

from .test_explore import adapter, explore, finds

PAIR = Program(
    layers=(ProgramLayer(name="layer1", kind="linear", inputs=4, outputs=4),
            ProgramLayer(name="layer2", kind="linear", inputs=4, outputs=2)),
    plan=(Removal(name="layer1.weight", pattern="unstructured"), Removal(name="layer2.weight", pattern="given")),
    values="untied", steps=(Attach(), Update(), Update(level=0.75)), relation="renamed",
)


def opaque(folder: Path, score: str = "0", declared: str = "none") -> Path:
    """Return the file of an adapter that declares an opaque score: that of the exemplar, and something more."""
    file = adapter(folder, f"_dense = lambda self, name: super(Narrow, self)._dense(name) + {score}")
    text = file.read_text("utf-8").replace(
        "    distribution = ", "    contract = CONTRACT_\n    distribution = "
    ).replace(
        "class NarrowAdapter", "from msgspec.structs import replace\nCONTRACT_ = replace(ExemplarAdapter.contract, "
        f"score='opaque', ties='any', invariances={declared!r})\n\nclass NarrowAdapter"
    )
    file.write_text(text, "utf-8")
    return file


DENSE = "super(Narrow, self)._dense(name)"
LENGTH = f"(len(name) % 2) * 9 * torch.eye(*{DENSE}.shape)"
"""A score that keeps the diagonal where a name has an odd number of letters."""


def test_score_that_depends_on_names_is_found_shrunk_saved_and_run_again(tmp_path: Path) -> None:
    file, folder = opaque(tmp_path, LENGTH), tmp_path / "finds"
    ended = explore(file, "--programs", 40, "--save", folder)
    assert ended.exit_code == 1, ended.output
    assert finds(ended)
    assert all(one.startswith("differs-if-renamed (") for one in finds(ended))
    assert "# The second program: its modules have other names." in ended.stdout
    assert "masks = sparsified.masks()" in ended.stdout
    saved = next(folder.iterdir())
    program = from_json(saved.read_bytes(), "saved")
    assert isinstance(program, Program)
    assert program.relation == "renamed"
    assert [type(step) for step in program.steps] == [Attach, Update]
    assert explore(file, "--program", saved).exit_code == 1
    assert explore(opaque(tmp_path), "--program", saved).exit_code == 0


def test_what_is_declared_is_tried(tmp_path: Path) -> None:
    """Half of the first layer is added to the score of each entry, so that a negated weight is ranked otherwise."""
    score = f"0.25 * {DENSE}.abs().max()"
    assert explore(opaque(tmp_path, score), "--programs", 20).exit_code == 0
    ended = explore(opaque(tmp_path, score, "negated"), "--programs", 120)
    assert ended.exit_code == 1, ended.output
    assert any(one.startswith("differs-if-negated") for one in finds(ended))


def test_relation_survives_json_and_an_unknown_one_is_no_program() -> None:
    assert from_json(to_json(PAIR), "pair.json") == PAIR
    with pytest.raises(InvalidProgram, match="Invalid enum value 'unlike'"):
        from_json(to_json(PAIR).replace(b'"renamed"', b'"unlike"'), "pair.json")


def test_a_drawn_relation_leaves_no_ties_and_only_steps_that_can_be_compared() -> None:
    offer = Offer(ExemplarAdapter().declare("it"), {"linear": ("unstructured",)}, {})
    skeleton = Skeleton(slots=(Slot(size="large"),), values="few", dtype=2, memory="transposed",
                        steps=(Attach(), Update(type="numpy"), Update(level=1.5), Cast(dtype="bfloat16"), Train()))
    program = made(Drawn(skeleton=skeleton, relation="renamed"), offer)
    assert program.steps == (Attach(), Update(), Train())
    assert (program.values, program.dtype, program.memory) == ("untied", "float32", "transposed")
    other = made(Drawn(skeleton=skeleton, relation="memory"), offer)
    assert other.steps == (Attach(), Update())
    assert other.memory == "contiguous"
    alone = made(Drawn(skeleton=skeleton, relation="reordered"), offer)
    assert not alone.relation, "one parameter has no other order"


def test_the_parameter_of_a_signature_is_the_one_that_differs() -> None:
    says = ("unstructured of layer1.weight (linear), given of layer2.weight (linear); if its modules have other names, "
            "mask of unit1.weight after update 1 of shape (4, 4) differs at 1 of 16 entries")
    found = signature(PAIR, Outcome("differs-if-renamed", says))
    assert str(found) == "differs-if-renamed (linear.weight given)"


@pytest.mark.parametrize("name", RELATIONS)
def test_both_programs_of_a_relation_run_as_python(name: Invariance) -> None:
    pair = programs_of(Program(
        layers=PAIR.layers, plan=(PAIR.plan[0], Removal(name="layer2.weight", pattern="unstructured")),
        values="untied", steps=PAIR.steps, relation=name,
    ))
    assert pair is not None
    lines = render_pair(*pair, RELATIONS[name].change, "parametrization")
    own = definitions(lines)
    scope: dict[str, Any] = {"adapter": ExemplarAdapter()}
    exec(compile("\n".join([*imports([*lines, *own]), *own, *lines]), "rendered", "exec"), scope)
    first = {key: mask.numpy() for key, mask in scope["masks"].items()}
    expected = RELATIONS[name].expected(first, *pair)
    for key, mask in scope["sparsified"].masks().items():
        assert mask.tolist() == expected[key].tolist()
