"""Area SCHED: the level that follows a schedule, and the weights that are rewound."""

from typing import Any

from ..values.requirement import LEVELLED_PATTERN, Requirement
from ..values.schedule import KINDS
from .axes import SCHEDULES

_EACH_KIND = tuple(f"{kind}-schedule" for kind in KINDS)
_BEGINNING = tuple(name for name in SCHEDULES if name.endswith("-begin"))
_RARE = tuple(name for name in SCHEDULES if name.endswith("-every"))
_FROM_TO = tuple(f"{kind}-schedule" for kind in ("linear", "cubic", "cosine", "exponential"))
_OF_MASKS: dict[str, Any] = {"since": 4, "patterns": (LEVELLED_PATTERN,)}
_ALWAYS: dict[str, Any] = {**_OF_MASKS, "profiles": ("mask", "structural")}
_UNRANKED = tuple(("score", score) for score in ("given", "position", "random", "opaque"))

REQUIREMENTS = (
    Requirement(
        id="SCHED-01", level="core", source="Zhu and Gupta 2017, To prune, or not to prune; the docs of each schedule",
        sentence="Under a schedule, the masks of every step have the level of its closed formula: at the first step, "
        "at the last and beyond it.",
        layers=_EACH_KIND, **_ALWAYS,
    ),
    Requirement(
        id="SCHED-02", level="extended", source="torch.ao.pruning.CubicSL, delta_t: how often the level is updated",
        sentence="Under a schedule that changes its level only at every n-th step, nothing moves at the steps between.",
        layers=_RARE, **_ALWAYS,
    ),
    Requirement(
        id="SCHED-03", level="core", source="torch.ao.pruning.CubicSL, init_t, initially_zero",
        sentence="Before a schedule begins, nothing is removed; from then on, the level is that of its formula.",
        layers=_BEGINNING, **_ALWAYS,
    ),
    Requirement(
        id="SCHED-04", level="core", source="coremltools MagnitudePruner, resumed: 75, 43, 66, 74, 75 %",
        sentence="A schedule that is saved in its middle and resumed on a restored model goes on where it was.",
        layers=_EACH_KIND, needs=("restore",), unless=(("mask_storage", "nowhere"),), **_ALWAYS,
    ),
    Requirement(
        id="SCHED-05", level="extended", source="torch.ao.pruning.BaseScheduler.get_last_sl",
        sentence="The level that a schedule reports is the level that the masks have.",
        layers=_EACH_KIND, **_ALWAYS,
    ),
    Requirement(
        id="SCHED-06", level="extended", source="torch.ao.pruning.BaseScheduler.step, 'before sparsifier.step()'",
        sentence="A schedule that is stepped before the sparsifier warns or raises, or makes the masks of that step "
        "itself.",
        layers=_EACH_KIND, **_ALWAYS,
    ),
    Requirement(
        id="SCHED-07", level="extended", source="torch.ao.pruning.CubicSL, total_t=0: ZeroDivisionError",
        sentence="A schedule that ends at the step at which it begins has its final level from there on, or is "
        "refused.",
        layers=_FROM_TO, **_ALWAYS,
    ),
    Requirement(
        id="SCHED-08", level="extended", source="sparsecheck.Contract.schedules",
        sentence="A schedule of a kind or with an option that is not declared is refused: the message says schedule, "
        "and the model stays bitwise unchanged.",
        layers=tuple(SCHEDULES), **_ALWAYS,
    ),
    Requirement(
        id="SCHED-09", level="extended", source="coremltools MagnitudePruner.step, at an unchanged level",
        sentence="A step of a schedule beyond its end ranks the current weights, though the level is the same.",
        layers=_EACH_KIND, needs=("reupdate",),
        unless=(*_UNRANKED, ("regrowth", "monotone"), ("trained", "reparametrized"), ("level_basis", "remaining")),
        **_OF_MASKS,
    ),
    Requirement(
        id="SCHED-10", level="core", source="torch.optim.lr_scheduler.LRScheduler, which only step moves",
        sentence="Between two steps of a schedule, forward and training leave masks and reported level as they are.",
        layers=_EACH_KIND, **_ALWAYS,
    ),
    Requirement(
        id="SCHED-11", level="core", source="Frankle and Carbin 2019, The lottery ticket hypothesis, step 4",
        sentence="Rewinding gives kept entries of planned weights the remembered values, bit for bit, and keeps the "
        "masks.",
        unless=(("rewinds", "no"), ("trained", "reparametrized")), **_OF_MASKS,
    ),
    Requirement(
        id="SCHED-12", level="core", source="lightning ModelPruning.apply_lottery_ticket_hypothesis, its second time",
        sentence="Rewinding again, after further training and an update, gives kept entries the remembered values as "
        "the first time does.",
        needs=("reupdate",), unless=(("rewinds", "no"), ("trained", "reparametrized")), **_OF_MASKS,
    ),
    Requirement(
        id="SCHED-13", level="extended", source="sparsecheck.Contract.rewinds",
        sentence="Rewinding is refused if it is not declared: the message says so, and the model stays bitwise "
        "unchanged.",
        unless=(("rewinds", "yes"),), **_ALWAYS,
    ),
)
