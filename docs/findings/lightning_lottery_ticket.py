"""lightning: ModelPruning's lottery ticket rewinds once, then lets the model train its copy of the first weights."""

import sys
import warnings

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelPruning

warnings.simplefilter("ignore")
quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
for epochs in (1, 2):
    module = LightningModule()
    module.layer = torch.nn.Linear(4, 4)
    module.training_step = lambda batch, index, module=module: module.layer(batch).sum()
    module.configure_optimizers = lambda module=module: torch.optim.SGD(module.parameters(), lr=0.1)
    first = module.layer.weight.detach().clone()
    pruning = ModelPruning("l1_unstructured", [(module.layer, "weight")], amount=1, make_pruning_permanent=False)
    trainer = Trainer(accelerator="cpu", max_epochs=epochs, callbacks=[pruning], **quiet)
    trainer.fit(module, torch.utils.data.DataLoader(torch.ones(4, 4)))
    seen = float((module.layer.weight_orig - first).abs().max())
    print(f"epochs: {epochs}; distance of the rewound weights from the first ones\nexpected: 0.0\nseen: {seen:.1f}")
sys.exit(seen != 0.0)
