"""Area REG: how a sparsifier attaches to a model, and how finalize detaches it."""

from ..values.requirement import ACCELERATOR, Requirement

_BOTH = ("cpu", ACCELERATOR)

REQUIREMENTS = (
    Requirement(
        id="REG-01", level="core", source="pytorch test_parametrization.py::test_weights_parametrized",
        sentence="Every planned layer holds its mask in the declared way, and no other layer holds one.",
        layers=("linear", "conv2d", "mixed"), devices=_BOTH,
    ),
    Requirement(
        id="REG-02", level="core", source="torch.nn.utils.parametrize, original; torch.nn.utils.prune, weight_orig",
        sentence="The dense weight is kept bitwise unchanged next to its mask.",
        layers=("linear", "conv2d", "mixed"), dtypes=("float32", "bfloat16"), devices=_BOTH,
        unless=(("holds", "in place"), ("holds", "wrapper"), ("trained", "reparametrized")),
    ),
    Requirement(
        id="REG-03", level="core", source="torch.nn.Parameter.requires_grad",
        sentence="Frozen parameters stay frozen and trainable parameters stay trainable, planned or not.",
    ),
    Requirement(
        id="REG-04", level="core", source="torch.nn.utils.parametrize docs: the parameter's identity is kept",
        sentence="Every parameter stays the same object, so that an optimizer that holds it still trains it; "
        "unplanned parameters keep their order.",
        layers=("linear", "mixed"),
    ),
    Requirement(
        id="REG-05", level="core", source="pytorch test_parametrization.py, mask is a buffer",
        sentence="Masks are not parameters: the sparse model has as many parameters as the dense one, and a "
        "parametrization registers its tensors as buffers.",
    ),
    Requirement(
        id="REG-06", level="core", source="torch.nn.Module.register_forward_hook",
        sentence="A user's forward hooks and pre-hooks on a planned layer still run, once per call and in order.",
    ),
    Requirement(
        id="REG-07", level="core", source="torch.nn.Module.train",
        sentence="Attach and update do not change the training flag of any module.",
    ),
    Requirement(
        id="REG-08", level="core", revised=(4,),
        source="torch.ao.pruning: prepare twice stacks two FakeSparsity (probe D1)",
        sentence="Attaching twice either has the same effect as attaching once or is refused and leaves the model "
        "unchanged.",
    ),
    Requirement(
        id="REG-09", level="core", revised=(4,),
        source="torch.ao.pruning: wrong fqn is an AttributeError on None (probe D5)",
        sentence="A plan that names an unknown parameter is refused with that name, and the model stays unchanged.",
    ),
    Requirement(
        id="REG-10", level="extended", source="torch.nn.Module.named_parameters, shared parameters",
        sentence="Tied weights stay tied and sparse in both places, before and after finalize.",
        layers=("tied",), needs=("tied",),
    ),
    Requirement(
        id="REG-11", level="extended", revised=(4,),
        source="torch.nn.utils.prune.custom_from_mask; FakeSparsity's shape check",
        sentence="A given mask of the wrong shape is refused with the parameter's name, and the model stays unchanged.",
        patterns=("given",),
    ),
    Requirement(
        id="REG-12", level="core", source="torch.nn.utils.prune.remove; BaseSparsifier.squash_mask",
        sentence="After finalize, each planned weight is a plain Parameter that holds exactly the masked values.",
        layers=("linear", "conv2d"), dtypes=("float32", "bfloat16"), needs=("finalize",), devices=_BOTH,
    ),
    Requirement(
        id="REG-13", level="core", source="torch.nn.utils.parametrize.remove_parametrizations",
        sentence="The finalized model has the module types and state-dict keys of the dense model: no extra buffer, "
        "hook or wrapper.",
        layers=("linear", "mixed"), needs=("finalize",),
    ),
    Requirement(
        id="REG-14", level="core", source="pytorch test_sparsifier.py::test_mask_squash",
        sentence="Finalize does not change the model's output.",
        layers=("linear", "conv2d"), needs=("finalize",), devices=_BOTH,
    ),
    Requirement(
        id="REG-15", level="core", revised=(4,), source="torch.nn.Module.get_submodule",
        sentence="A planned layer that is called on its own computes with its current masked weight, or with the dense "
        "one, as declared.",
        layers=("linear", "conv2d"), devices=_BOTH,
    ),
    Requirement(
        id="REG-16", level="core", source="torch.nn.utils.parametrize.remove_parametrizations", needs=("finalize",),
        sentence="Finalize keeps requires_grad, the training flags and the user's forward hooks.",
    ),
    Requirement(
        id="REG-17", level="core", source="torch.Tensor.grad, which accumulates",
        sentence="Attach and update leave no gradients in the model's parameters.",
        layers=("linear", "mixed"),
    ),
    Requirement(
        id="REG-18", level="extended", source="weakref; gc.collect",
        sentence="A sparse model is freed once its user drops it: the sparsifier keeps no reference to it.",
    ),
    Requirement(
        id="REG-19", level="extended", source="torch.Tensor.grad, which accumulates",
        sentence="Attach and update do not change gradients that the user has already accumulated.",
        unless=(("holds", "in place"),),
    ),
    Requirement(
        id="REG-20", level="extended", revised=(4,),
        source="torch.nn.Module.register_full_backward_hook; torch.Tensor.register_hook",
        sentence="A user's backward hooks on a planned layer and on its weight still run.",
        unless=(("holds", "wrapper"),),
    ),
    Requirement(
        id="REG-21", level="extended", source="torch.nn.BatchNorm1d, running statistics",
        sentence="Attach and update do not change the dense model's buffers, such as running statistics.",
        layers=("normed",),
    ),
    Requirement(
        id="REG-22", level="extended", revised=(4,),
        source="torch.sparse.to_sparse_semi_structured, which names the sizes it takes",
        sentence="A planned weight of a size that the contract excludes is refused by name, and the model stays "
        "unchanged.",
        unless=(("sizes", "any"),),
    ),
    Requirement(
        id="REG-23", level="extended", since=4,
        source="plan.patterns used as a work queue; torch.from_numpy(given.mask), which shares the array",
        sentence="Attach, restore, training and forward do not change the plan, the batches and the inputs that they "
        "are given.",
        profiles=("mask", "structural"),
    ),
    Requirement(
        id="REG-24", level="extended", since=4, source="torch.optim.swa_utils.AveragedModel, whose names start module.",
        sentence="Outside the planned layers, the names of modules, parameters and buffers are kept or all have one "
        "prefix, as declared.",
        layers=("linear", "normed"),
    ),
    Requirement(
        id="REG-25", level="extended", since=4, source="torch.ao.quantization.convert, inplace",
        sentence="Attach works on the given model, or returns a sparse copy that shares nothing with it and leaves it "
        "bitwise unchanged, as declared.",
    ),
    Requirement(
        id="REG-26", level="extended", since=4, source="torch.nn.utils.parametrizations.weight_norm",
        sentence="At kept entries, the weight in use is the trained parameter, or is computed from it, as declared.",
    ),
    Requirement(
        id="REG-30", level="extended", since=4, needs=("finalize",),
        source="torch.nn.Module and torch.Tensor, register_..._hook",
        sentence="A user's hooks of every kind on a planned layer and on its weight run once, before and after "
        "finalize.",
        unless=(("holds", "wrapper"), ("attaches", "copy")),
    ),
    Requirement(
        id="REG-31", level="extended", since=4, source="torch.nn.parallel.DistributedDataParallel; torch.Tensor.set_",
        sentence="Attach, update and finalize keep the hooks on the gradient accumulators of planned parameters if and "
        "only if this is declared.",
        needs=("finalize",),
    ),
    Requirement(
        id="REG-32", level="extended", since=4, source="torch.ao.pruning BaseSparsifier.step after squash_mask",
        sentence="After finalize, a further finalize is refused or changes nothing, and a further update is refused, "
        "changes nothing, or leaves a sparse model with reported masks.",
        needs=("finalize",),
    ),
    Requirement(
        id="REG-33", level="extended", since=4, source="torch docs, Channels Last Memory Format",
        sentence="Attach, update and finalize keep planned weights in the channels_last memory format.",
        layers=("conv2d",),
    ),
    Requirement(
        id="REG-34", level="extended", since=4, needs=("finalize",),
        source="torch.optim.Optimizer.load_state_dict, which matches parameters by position",
        sentence="The finalized model lists its parameters in the order of the dense model.",
        layers=("linear", "mixed"),
    ),
)
