"""lightning: Trainer.fit drops gradients that a user has gathered, even if it trains nothing.

`Trainer._run_stage` calls `zero_grad` on the module before the first epoch, optimizers or not. A pruning epoch of
ModelPruning between two accumulated backward passes loses the first.
"""

import logging
import sys
import warnings

import torch
from lightning.pytorch import LightningModule, Trainer

warnings.simplefilter("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
model = LightningModule()
model.layer = torch.nn.Linear(4, 2)
model.training_step = lambda batch, batch_idx: None
model.configure_optimizers = lambda: None
model.layer(torch.ones(1, 4)).sum().backward()
trainer = Trainer(max_epochs=1, logger=False, enable_checkpointing=False, enable_progress_bar=False, accelerator="cpu",
                  enable_model_summary=False)
trainer.fit(model, [torch.ones(1, 4)])
print(f"expected: the gradient of layer.weight\nseen: {model.layer.weight.grad}")
sys.exit(model.layer.weight.grad is None)
