"""Area COMPOSE: a sparse model together with what else people do to models."""

from ..values.requirement import LEVELLED_PATTERN, Requirement
from .axes import AVERAGES, CHECKPOINTS, PARAMETRIZATIONS, TRANSFORMS

_UNSAID = ("weight_attribute", "any")

REQUIREMENTS = (
    Requirement(
        id="COMPOSE-01", level="core", since=4, source="torch.nn.MultiheadAttention, which reads out_proj.weight",
        sentence="Between two forwards, the attribute weight of a planned layer is the weight in use, the one of the "
        "last update or forward, or the dense one, as declared.",
        unless=(_UNSAID,),
    ),
    Requirement(
        id="COMPOSE-02", level="core", since=4, source="Hu et al. 2022, LoRA; peft merge_and_unload, weight.data +=",
        sentence="A low-rank update that is added in place to the attribute weight is in effect at kept entries or "
        "lost, as declared; after the next step removed entries are zero.",
        unless=(_UNSAID,),
    ),
    Requirement(
        id="COMPOSE-03", level="extended", since=4, source="torch.nn.Module.__setattr__ of a Parameter",
        sentence="A new weight that a user assigns to a planned layer raises an error, or is in effect at kept entries "
        "and zero at removed ones after the next step.",
        unless=(("attaches", "copy"), ("trained", "reparametrized")),
    ),
    Requirement(
        id="COMPOSE-04", level="core", since=4, source="torch.nn.Module.register_forward_pre_hook, order of hooks",
        sentence="A user's forward pre-hook that was registered after attach sees the weight that this forward uses, "
        "after every update.",
        patterns=(LEVELLED_PATTERN,), unless=(_UNSAID, ("weight_attribute", "dense")),
    ),
    Requirement(
        id="COMPOSE-05", level="core", since=4, source="torch.nn.utils.parametrizations",
        sentence="A weight that is parametrized already is sparsified like any other, so that removed entries stay "
        "zero in training, or is refused.",
        layers=PARAMETRIZATIONS,
    ),
    Requirement(
        id="COMPOSE-06", level="extended", since=4, source="torch.nn.utils.parametrize.register_parametrization",
        sentence="A parametrization that a user puts on a planned weight raises an error, or is in effect at kept "
        "entries, and removed entries stay zero through training and updates.",
        layers=PARAMETRIZATIONS,
    ),
    Requirement(
        id="COMPOSE-07", level="core", since=4, source="torch.nn.Module.forward, called twice before backward",
        sentence="If a model runs twice before one backward, the gradients are the sums of those of both runs.",
    ),
    Requirement(
        id="COMPOSE-08", level="core", since=4, source="torch.utils.checkpoint",
        sentence="Activation checkpointing of both kinds gives the gradients that the model has without.",
        layers=CHECKPOINTS,
    ),
    Requirement(
        id="COMPOSE-09", level="core", since=4, source="torch.func.functional_call; torch.func.vmap; torch.func.grad",
        sentence="functional_call, vmap and grad of torch.func raise an error, or compute with the sparse weights.",
        layers=TRANSFORMS,
    ),
    Requirement(
        id="COMPOSE-10", level="core", since=4, source="torch.optim.swa_utils.AveragedModel",
        sentence="An average that was made after an update is that of the weights in use, and zero at removed entries, "
        "with and without averaged buffers.",
        layers=AVERAGES, needs=("deepcopy",), unless=(("trained", "reparametrized"),),
    ),
    Requirement(
        id="COMPOSE-11", level="extended", since=4, source="torch.optim.swa_utils.AveragedModel, use_buffers",
        sentence="An average that was made before the first update and goes on after it is sparse, dense or an error, "
        "as declared.",
        unless=(("averages", "any"), ("masks_at", "attach")),
    ),
)
