"""Area WALK: programs of the corpus, each with a network, a plan and about ten steps, compared with a dense twin."""

from ..values.requirement import OFFERED, Requirement
from .axes import NEIGHBOURS, PARAMETERS, PROGRAMS, RELATIONS, STRUCTURAL_PROGRAMS

REQUIREMENTS = (
    Requirement(
        id="WALK-01", level="extended", since=4, source="reference/programs; docs/programs.md",
        sentence="After every step of a program, masks, weights, outputs, gradients, hooks and flags are what a dense "
        "model with the same masks has.",
        layers=PROGRAMS, patterns=(OFFERED,), dtypes=(OFFERED,),
    ),
    Requirement(
        id="WALK-02", level="extended", since=4, source="torch.nn; docs/programs.md",
        sentence="A plan for a parameter of any kind of layer is carried out, or refused on purpose.",
        layers=tuple(PARAMETERS), patterns=(OFFERED,), dtypes=(OFFERED,),
    ),
    Requirement(
        id="WALK-03", level="extended", since=4, source="metamorphic testing, Chen et al. 1998; docs/programs.md",
        sentence="Whatever the score, masks do not depend on an unplanned layer; unless the score is random, neither "
        "do they depend on the names of modules or on the memory format of weights.",
        layers=RELATIONS[:3], patterns=(OFFERED,), dtypes=(OFFERED,),
    ),
    Requirement(
        id="WALK-04", level="extended", since=4, source="reference/programs; docs/programs.md",
        sentence="After every step of a program, shapes, weights, outputs, gradients, hooks and flags are what the "
        "dense model has without the removed channels.",
        layers=STRUCTURAL_PROGRAMS, patterns=(OFFERED,), dtypes=(OFFERED,), needs=("channel",),
        profiles=("structural",),
    ),
    Requirement(
        id="WALK-05", level="extended", since=4,
        source="Fang et al., DepGraph: Towards Any Structural Pruning, CVPR 2023; docs/programs.md",
        sentence="A plan for a layer of any kind is carried out on all that depends on its channels, or refused on "
        "purpose.",
        layers=tuple(NEIGHBOURS), patterns=(OFFERED,), dtypes=(OFFERED,), needs=("channel",),
        profiles=("structural",),
    ),
)
