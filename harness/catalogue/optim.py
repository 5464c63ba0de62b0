"""Area OPTIM: one optimizer that lives through attach, updates, and a restore."""

from ..values.requirement import LEVELLED_PATTERN, Requirement
from .axes import LOOPS, OPTIMIZERS

REQUIREMENTS = (
    Requirement(
        id="OPTIM-01", level="core", since=4, source="torch.optim.Adam, exp_avg of an entry that an update removes",
        sentence="While one optimizer trains through two updates, removed entries stay zero in forward.",
        layers=("momentum", "adam", "adamw"), patterns=(LEVELLED_PATTERN,),
    ),
    Requirement(
        id="OPTIM-02", level="core", since=4, source="torch.optim.Optimizer.state, which belongs to a parameter",
        sentence="While one optimizer trains through two updates, kept entries and unplanned parameters change as in "
        "a plain model with the same masks.",
        layers=OPTIMIZERS, patterns=(LEVELLED_PATTERN,), unless=(("trained", "reparametrized"),),
    ),
    Requirement(
        id="OPTIM-03", level="core", since=4, source="torch docs, Automatic Mixed Precision, gradient accumulation",
        sentence="Kept entries change as in a plain model with the same masks in every training loop: with accumulated "
        "gradients, zeroed ones, a learning-rate scheduler, or a scaled loss.",
        layers=LOOPS, patterns=(LEVELLED_PATTERN,), unless=(("trained", "reparametrized"),),
    ),
    Requirement(
        id="OPTIM-04", level="core", since=4, source="torch.nn.utils.clip_grad_norm_",
        sentence="After a second update, clipping by the norm of the gradients sees the norm that a plain model with "
        "the same masks has.",
        patterns=(LEVELLED_PATTERN,), unless=(("holds", "in place"), ("trained", "reparametrized")),
    ),
    Requirement(
        id="OPTIM-05", level="core", since=4, source="torch.optim.Optimizer.load_state_dict",
        sentence="A run restored elsewhere trains on as the original does, with the state of the original's optimizer, "
        "which was built before attach if the order of parameters is kept.",
        layers=("momentum", "adam"), patterns=(LEVELLED_PATTERN,), needs=("restore",),
        unless=(("mask_storage", "nowhere"),),
    ),
    Requirement(
        id="OPTIM-06", level="extended", since=4, source="torch.optim.Optimizer.load_state_dict, by position",
        sentence="The sparse model lists its parameters in the order of the dense model, or in another one, as "
        "declared.",
    ),
    Requirement(
        id="OPTIM-07", level="extended", since=4, source="torch.optim.Optimizer.register_step_post_hook",
        sentence="An optimizer's step hooks run once per step, before and after it.", patterns=(LEVELLED_PATTERN,),
    ),
    Requirement(
        id="OPTIM-08", level="extended", since=4, source="torch.ao.pruning.FakeSparsity, mask.data",
        sentence="After an update between forward and backward, the gradients belong to the masks of the forward, or "
        "backward raises torch's error about a modified tensor.",
        patterns=(LEVELLED_PATTERN,), needs=("relevel",), unless=(("trained", "reparametrized"),),
    ),
    Requirement(
        id="OPTIM-09", level="core", since=4, source="torch.optim.Optimizer.param_groups; torch.nn.Module.__setattr__",
        sentence="An optimizer that has trained the dense model, SGD without momentum, trains everything that an "
        "update leaves of it, or trains nothing or raises, as declared.",
        layers=("linear", "convnorm"), profiles=("structural",), patterns=("channel0-0.5",),
    ),
)
