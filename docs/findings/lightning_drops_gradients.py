"""lightning: Trainer.fit drops gradients that a user has gathered, even if it trains nothing.

`Trainer._run_stage` calls `zero_grad` on the module before the first epoch, optimizers or not. A pruning epoch of
ModelPruning between two accumulated backward passes loses the first.
"""

import logging
import sys
import warnings

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import nn

warnings.simplefilter("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Nothing(LightningModule):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def training_step(self, batch, batch_idx):
        return None

    def configure_optimizers(self):
        return None


model = nn.Linear(4, 2)
model(torch.ones(1, 4)).sum().backward()
trainer = Trainer(max_epochs=1, logger=False, enable_checkpointing=False, enable_progress_bar=False, accelerator="cpu",
                  enable_model_summary=False)
trainer.fit(Nothing(model), iter([torch.ones(1, 4)]))
print(f"expected: the gradient of model.weight\nseen: {model.weight.grad}")
sys.exit(model.weight.grad is None)
