"""REG: how a sparsifier registers itself on a model, and how it takes itself off again."""

from ..values.requirement import ACCELERATOR, Requirement

_BOTH = ("cpu", ACCELERATOR)

REQUIREMENTS = (
    Requirement(
        id="REG-01", level="core", source="pytorch test_parametrization.py::test_weights_parametrized",
        sentence="Every planned layer, and no other, holds its mask in the way that is declared.",
        layers=("linear", "conv2d", "mixed"), devices=_BOTH,
    ),
    Requirement(
        id="REG-02", level="core", source="torch.nn.utils.parametrize, original; torch.nn.utils.prune, weight_orig",
        sentence="The dense weight is kept beside its mask, bit for bit.",
        layers=("linear", "conv2d", "mixed"), dtypes=("float32", "bfloat16"), devices=_BOTH,
        unless=(("holds", "in place"), ("holds", "wrapper")),
    ),
    Requirement(
        id="REG-03", level="core", source="torch.nn.Parameter.requires_grad",
        sentence="A frozen parameter stays frozen and a trainable one trainable, planned or not.",
    ),
    Requirement(
        id="REG-04", level="core", source="torch.nn.utils.parametrize docs: the parameter's identity is kept",
        sentence="Every parameter stays the same object, so that an optimizer that holds it still trains it; "
        "those not planned keep their order.",
        layers=("linear", "mixed"),
    ),
    Requirement(
        id="REG-05", level="core", source="pytorch test_parametrization.py, mask is a buffer",
        sentence="A mask is not trainable: there are as many parameters as in the dense model.",
    ),
    Requirement(
        id="REG-06", level="core", source="torch.nn.Module.register_forward_hook",
        sentence="A user's forward hooks on a planned layer still run, once a call and in their order.",
    ),
    Requirement(
        id="REG-07", level="core", source="torch.nn.Module.train",
        sentence="Attach and update leave every module's train or eval flag as it was.",
    ),
    Requirement(
        id="REG-08", level="core", source="torch.ao.pruning: prepare twice stacks two FakeSparsity (probe D1)",
        sentence="Attaching twice is refused with the model untouched, or has the effect of attaching once.",
    ),
    Requirement(
        id="REG-09", level="core", source="torch.ao.pruning: wrong fqn is an AttributeError on None (probe D5)",
        sentence="An unknown parameter is refused by name, with the model untouched.",
    ),
    Requirement(
        id="REG-10", level="extended", source="torch.nn.Module.named_parameters, shared parameters",
        sentence="Layers that share a weight share it still and are sparse in both places, finalized too.",
        layers=("tied",), needs=("tied",),
    ),
    Requirement(
        id="REG-11", level="extended", source="torch.nn.utils.prune.custom_from_mask; FakeSparsity's shape check",
        sentence="A given mask of another shape is refused by the parameter's name, with the model untouched.",
        patterns=("given",),
    ),
    Requirement(
        id="REG-12", level="core", source="torch.nn.utils.prune.remove; BaseSparsifier.squash_mask",
        sentence="After finalize each planned weight is a plain Parameter that holds the masked value exactly.",
        layers=("linear", "conv2d"), dtypes=("float32", "bfloat16"), needs=("finalize",), devices=_BOTH,
    ),
    Requirement(
        id="REG-13", level="core", source="torch.nn.utils.parametrize.remove_parametrizations",
        sentence="Finalize leaves the dense model's module types and state-dict keys: no buffer, no hook, no wrapper.",
        layers=("linear", "mixed"), needs=("finalize",),
    ),
    Requirement(
        id="REG-14", level="core", source="pytorch test_sparsifier.py::test_mask_squash",
        sentence="Finalize does not change the model's output.",
        layers=("linear", "conv2d"), needs=("finalize",), devices=_BOTH,
    ),
    Requirement(
        id="REG-15", level="core", source="torch.nn.Module.get_submodule",
        sentence="A planned layer called by itself uses its masked weight.",
        layers=("linear", "conv2d"), devices=_BOTH, unless=(("holds", "forward"),),
    ),
    Requirement(
        id="REG-16", level="core", source="torch.nn.utils.parametrize.remove_parametrizations", needs=("finalize",),
        sentence="Finalize leaves requires_grad, train and eval flags and a user's hooks as they were.",
    ),
    Requirement(
        id="REG-17", level="core", source="torch.Tensor.grad, which accumulates",
        sentence="Attach and update leave no gradient behind.",
        layers=("linear", "mixed"),
    ),
    Requirement(
        id="REG-18", level="extended", source="weakref; gc.collect",
        sentence="A sparse model that its user lets go of is freed: nothing of the sparsifier keeps it alive.",
    ),
    Requirement(
        id="REG-19", level="extended", source="torch.Tensor.grad, which accumulates",
        sentence="Gradients that a user has gathered are as they were after attach and update.",
        unless=(("holds", "in place"),),
    ),
    Requirement(
        id="REG-20", level="extended", source="torch.nn.Module.register_full_backward_hook; torch.Tensor.register_hook",
        sentence="A user's backward hooks, on a planned layer and on its weight, still run.",
        unless=(("holds", "wrapper"),),
    ),
    Requirement(
        id="REG-21", level="extended", source="torch.nn.BatchNorm1d, running statistics",
        sentence="Attach and update leave the dense model's buffers, such as running statistics, as they were.",
        layers=("normed",),
    ),
    Requirement(
        id="REG-22", level="extended", source="torch.sparse.to_sparse_semi_structured, which names the sizes it takes",
        sentence="A planned weight of a size that is not taken is refused by name, with the model untouched.",
        unless=(("sizes", "any"),),
    ),
)
