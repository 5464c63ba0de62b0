"""Generate the code that defines the names in `placeholders` for one cell."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from ...oracle.networks import network
from ...oracle.ranking import SLACK
from ...trials.refusal import words_for
from ...trials.restoring import misleading_plan, with_other_shapes
from ...trials.training import raised_level
from ...trials.trial import Trial
from ...values.pattern import Given, Pattern, Unstructured
from ...values.plan import Plan
from .network_code import inputs_code, network_code

_ROUNDED = {
    "half-even": "round(level * count)", "half-up": "math.floor(level * count + 0.5)",
    "floor": "math.floor(level * count + 1e-9)", "ceil": "math.ceil(level * count - 1e-9)",
}
_PLACES = {"parametrization": "{path}parametrizations.{name}.original", "buffer": "{path}{name}_orig"}


class PlaceholderCode:
    """Generates the definitions for the script of one cell.

    Attributes:
        trial: The trial of the cell.
        as_arrays: Whether given masks are NumPy arrays, and not nested lists, which do not need NumPy.
    """

    def __init__(self, trial: Trial, as_arrays: bool) -> None:
        self.trial = trial
        self.as_arrays = as_arrays

    def early(self, names: set[str]) -> str:
        """Return the definitions of those `names` that must precede the shared functions."""
        return "\n".join(code for name, code in self._definitions(names) if name not in ("ADAPTER", "CONTEXT"))

    def _definitions(self, names: set[str]) -> Iterator[tuple[str, str]]:
        for name, code in _CODE.items():
            if name in names:
                yield name, code(self)

    # ------------------------------------------------------------------------------ plans

    @property
    def other(self) -> Trial:
        """Return the same trial on a network with other sizes."""
        if self.trial.cell.requirement == "REG-22":
            return self.trial.with_network(network(self.trial.cell.layer, "REG-22"), "REG-22")
        return with_other_shapes(self.trial)

    def plan(self, plan: Plan, salt: str) -> str:
        """Return the code of a plan; `salt` is the seed of its given masks."""
        patterns = ", ".join(f'"{name}": {self._pattern(one, f"{salt}{name}")}' for name, one in plan.patterns.items())
        return f"Plan({{{patterns}}}{', ' + repr(plan.scope) if plan.scope != 'each' else ''})"

    def _pattern(self, pattern: Pattern, salt: str) -> str:
        if not isinstance(pattern, Given):
            return re.sub(r"\b\w+=", "", repr(pattern))
        shape = tuple(pattern.mask.shape)
        if pattern.mask.all() or not pattern.mask.any():
            return self._given(f"torch.full({shape}, {bool(pattern.mask.all())})")
        return self._given(f'given_mask("{salt}", {shape})')

    def _given(self, mask: str) -> str:
        return f"Given({mask}.{'numpy' if self.as_arrays else 'tolist'}())"

    @property
    def resumed_plan(self) -> str:
        """Return the code of a plan that would give other masks than the saved ones; PLAN if masks are not saved."""
        if self.trial.contract.mask_storage == "nowhere":
            return "PLAN"
        return self.plan(misleading_plan(self.trial), f"{self.trial.cell.requirement} misleading ")

    @property
    def wrong_plans(self) -> str:
        """Return the code of plans with missing parameters (REG-09) or masks of wrong shapes (REG-11)."""
        plan, salt = self.trial.plan, f"{self.trial.cell.requirement} "
        if self.trial.cell.requirement == "REG-09":
            first, layer = plan.names[0], plan.names[0].rpartition(".")[0]
            wrong = (("nowhere.weight", "nowhere"), (f"{layer}.nothing", "nothing"))
            return _tuple(f'(Plan({{**PLAN.patterns, "{name}": PLAN.patterns["{first}"]}}), ("{word}",))'
                          for name, word in wrong)
        name, pattern = list(plan.patterns.items())[-1]
        assert isinstance(pattern, Given)
        drawn = f'given_mask("{salt}{name}", {tuple(pattern.mask.shape)})'
        masks = (self._given(f"{drawn}{cut}") for cut in ("[:1]", "[:, :1]", "[:-1]", ".T"))
        return _tuple(f'(Plan({{**PLAN.patterns, "{name}": {mask}}}), ("{name}",))' for mask in masks)

    @property
    def dense_places(self) -> str:
        """Return the code of a dictionary from planned names to the parameters that training changes."""
        place = _PLACES.get(self.trial.contract.holds, "{path}{name}")
        names = {name: name.rpartition(".") for name in self.trial.plan.names}
        return repr({full: place.format(path=path + dot, name=name) for full, (path, dot, name) in names.items()})

    @property
    def slack(self) -> float:
        single = all(isinstance(pattern, Unstructured) for pattern in self.trial.plan.patterns.values())
        return 0.0 if single else SLACK[self.trial.cell.dtype]


BEFORE_CODE = """\
HOMES = (torch, torch.nn.functional, torch.nn.init, torch.jit, torch.nn.Module, torch.Tensor)
BEFORE = {home: {name: one for name, one in vars(home).items() if callable(one)} for home in HOMES}
"""


def _tuple(items: Iterable[str]) -> str:
    return "(\n" + "".join(f"    {item},\n" for item in items) + ")"


_CONTEXT = {
    "example_input": 'inputs("example")', "batches": 'batches(2, "calibration")', "device": "DEVICE", "dtype": "DTYPE",
}


def context_fields(code: str) -> tuple[str, ...]:
    """Return the fields of the context that `code` uses."""
    return tuple(name for name in _CONTEXT if re.search(rf"\bcontext\.{name}\b", code))


def context_code(fields: Iterable[str]) -> str:
    """Return the code of a context with these fields, or of None."""
    arguments = ", ".join(f"{name}={_CONTEXT[name]}" for name in fields)
    return f"SimpleNamespace({arguments})" if arguments else "None"


_CODE: dict[str, Callable[[PlaceholderCode], str]] = {
    "CELL": lambda one: f'CELL = "{one.trial.cell.requirement}"  # the seed of all numbers',
    "DTYPE": lambda one: f"DTYPE = {one.trial.dtype}",
    "DEVICE": lambda one: f'DEVICE = torch.device("{one.trial.device}")',
    "Model": lambda one: network_code(one.trial.network, "Model"),
    "OtherModel": lambda one: network_code(one.other.network, "OtherModel"),
    "inputs": lambda one: inputs_code(one.trial.network),
    "removed_count": lambda one: (
        f"def removed_count(level, count):\n    return {_ROUNDED[one.trial.contract.rounding]}\n"
    ),
    "WEIGHTS": lambda one: f"WEIGHTS = {tuple(layer.weight for layer in one.trial.network.weighted)}",
    "DENSE": lambda one: f"DENSE = {one.dense_places}",
    "PLAN": lambda one: f"PLAN = {one.plan(one.trial.plan, one.trial.cell.requirement + ' ')}",
    "OTHER_PLAN": lambda one: f"OTHER_PLAN = {one.plan(one.other.plan, one.trial.cell.requirement + ' foreign ')}",
    "MISLEADING_PLAN": lambda one: f"MISLEADING_PLAN = {one.resumed_plan}",
    "WRONG_PLANS": lambda one: f"WRONG_PLANS = {one.wrong_plans}",
    "WORDS": lambda one: f"WORDS = {words_for(one.trial, one.trial.lacking)}",
    "LEVEL": lambda one: f"LEVEL = {raised_level(one.trial)}",
    "SCORE": lambda one: f"SCORE = {1 if one.trial.contract.score == 'magnitude-l1' else 2}  # the power to rank by",
    "SLACK": lambda one: f"SLACK = {one.slack}",
    "TOLERANCE": lambda one: f"TOLERANCE = {one.trial.tolerance.relative}",
    "MASK_STORAGE": lambda one: f'MASK_STORAGE = "{one.trial.contract.mask_storage}"',
    "RENEWED": lambda one: "RENEWED = True",
    "MONOTONE": lambda one: "MONOTONE = True",
}
