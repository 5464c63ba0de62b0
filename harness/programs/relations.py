"""Metamorphic relations: how a program is changed, and what its masks are then.

They judge scores that no model can predict: two programs are run, and the masks of the second follow from those of the
first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from ..oracle.units import Mask
from ..values.contract import Invariance
from ..values.program import Memory, Program, ProgramLayer, Removal
from ..values.steps import Cast, Step, Train, Update, WriteWeights
from .build import output_shape

Masks = Mapping[str, Mask]
"""Masks by the fully qualified names of their parameters."""


def _same(masks: Masks, first: Program, second: Program) -> Masks:
    return masks


@dataclass(frozen=True)
class Relation:
    """A change of a program after which its masks are known.

    Attributes:
        name: The name of the invariance.
        change: The change in words, as in "if {change}".
        derive: Returns the second program; None if the first cannot be changed in this way.
        expected: Returns the masks of the second program by its names, from those of the first.
        without: The steps that both programs leave out, because the change would show in what they do.
        updates: The updates of the second program in place of one of the first.
        needs: The capability without which there is no second program; an empty string if there is none.
    """

    name: Invariance
    change: str
    derive: Callable[[Program], Program | None]
    expected: Callable[[Masks, Program, Program], Masks] = _same
    without: tuple[type[Step], ...] = ()
    updates: int = 1
    needs: str = ""

    def first(self, program: Program) -> Program:
        """Return the first of the two programs."""
        return replace(program, steps=tuple(step for step in program.steps if not isinstance(step, self.without)))


def _with_layers(program: Program, names: Iterable[str], **changes: object) -> Program:
    """Return a program with other values of some fields in the layers of those names."""
    named = set(names)
    layers = (replace(one, **changes) if one.name in named else one for one in program.layers)
    return replace(program, layers=tuple(layers))


def _planned_layers(program: Program) -> list[str]:
    """Return the names of the layers with a planned parameter, in the order of the plan."""
    layers = [program.layer_of(one.name) for one in program.plan]
    return [one.name for one in layers if one is not None]


# ----------------------------------------------------------------- names and plan


def _renamed(program: Program) -> Program:
    names = _new_names(program)
    layers = tuple(
        replace(one, name=names[one.name], like=one.like or one.name, of=names.get(one.of, ""))
        for one in program.layers
    )
    plan = tuple(replace(one, name=_new_name(one.name, program, names)) for one in program.plan)
    return replace(program, layers=layers, plan=plan)


def _new_names(program: Program) -> dict[str, str]:
    """Return new names of the layers: in the reverse alphabetical order, the first one within a container."""
    count = len(program.layers)
    return {
        layer.name: f"{'whole.' if number == 0 else ''}unit{count - number}"
        for number, layer in enumerate(program.layers)
    }


def _new_name(name: str, program: Program, names: Mapping[str, str]) -> str:
    layer = program.layer_of(name)
    return name if layer is None else f"{names[layer.name]}{name.removeprefix(layer.name)}"


def _by_new_names(masks: Masks, first: Program, second: Program) -> Masks:
    names = _new_names(first)
    return {_new_name(name, first, names): mask for name, mask in masks.items()}


def _with_another_layer(program: Program) -> Program:
    """Return a program with a last layer that hands on its input: not planned, and frozen."""
    spare = ProgramLayer(name="spare", kind="identity", inputs=output_shape(program)[-1], frozen=True)
    return replace(program, layers=(*program.layers, spare))


def _reordered(program: Program) -> Program | None:
    return replace(program, plan=program.plan[::-1]) if len(program.plan) > 1 else None


def _split(program: Program) -> Program | None:
    if len(program.plan) < 2 or program.scope == "all":
        return None
    return replace(program, plan=program.plan[1:])


def _of_the_rest(masks: Masks, first: Program, second: Program) -> Masks:
    return {one.name: masks[one.name] for one in second.plan}


# ----------------------------------------------------------------- values and memory


def _in_other_memory(program: Program) -> Program | None:
    kinds: dict[int, Memory] = {2: "transposed", 4: "channels_last"}
    dimensions = [len(program.shapes[one.name]) for one in program.plan]
    kind = next((kinds[one] for one in dimensions if one in kinds), None)
    return None if kind is None or program.memory != "contiguous" else replace(program, memory=kind)


def _multiplied(factor: float) -> Callable[[Program], Program | None]:
    def derive(program: Program) -> Program | None:
        return None if program.scope == "all" else _with_layers(program, _planned_layers(program)[:1], factor=factor)

    return derive


def _permuted(program: Program) -> Program | None:
    if program.scope == "all" or not all(map(_permutes, program.plan)):
        return None
    return _with_layers(program, _planned_layers(program)[-1:], reverses=True)


def _permutes(removal: Removal) -> bool:
    """Return whether a pattern is defined alike for rows in another order."""
    return removal.pattern not in ("given", "band") and (removal.pattern != "block" or removal.block[0] == 1)


def _with_reversed_rows(masks: Masks, first: Program, second: Program) -> Masks:
    last = _planned_layers(first)[-1]
    owners = {name: first.layer_of(name) for name in masks}
    return {
        name: mask[::-1] if (owner := owners[name]) is not None and owner.name == last else mask
        for name, mask in masks.items()
    }


def _cast_up(program: Program) -> Program | None:
    return None if program.dtype == "float64" else replace(program, steps=(Cast(dtype="float64"), *program.steps))


# ----------------------------------------------------------------- what a user does


def _repeated(program: Program) -> Program:
    steps = (one for step in program.steps for one in (step,) * (2 if isinstance(step, Update) else 1))
    return replace(program, steps=tuple(steps))


def _frozen(program: Program) -> Program:
    return _with_layers(program, _planned_layers(program), frozen=True)


def _with_reversed_batches(program: Program) -> Program:
    return replace(program, reverses_batches=True)


_ALL = (
    Relation("unplanned", "the model has one more layer, which is not planned and hands on its input",
             _with_another_layer),
    Relation("renamed", "its modules have other names", _renamed, _by_new_names),
    Relation("memory", "its weights lie in memory in another order", _in_other_memory),
    Relation("reordered", "the plan names the same parameters in another order", _reordered),
    Relation("scaled", "one planned layer is multiplied by 4", _multiplied(4.0), without=(Train,)),
    Relation("negated", "one planned layer is multiplied by -1", _multiplied(-1.0), without=(Train,)),
    Relation("permuted", "the rows of one planned layer are in reverse order", _permuted, _with_reversed_rows,
             without=(Train,)),
    Relation("repeated", "each update is followed by another one", _repeated, without=(WriteWeights,), updates=2,
             needs="reupdate"),
    Relation("split", "the plan leaves out its first parameter", _split, _of_the_rest, without=(Train, WriteWeights)),
    Relation("cast", "the model is cast to float64 before attach", _cast_up, without=(Train, WriteWeights),
             needs="float64"),
    Relation("frozen", "its planned parameters do not require gradients", _frozen, without=(Train,)),
    Relation("batches", "the calibration batches are in reverse order", _with_reversed_batches),
)

RELATIONS: dict[str, Relation] = {one.name: one for one in _ALL}
"""Every relation, by name."""

