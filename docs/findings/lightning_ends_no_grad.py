"""lightning: Trainer.fit ends the caller's torch.no_grad.

`FitLoop.reset` calls torch.set_grad_enabled(True), and nothing sets it back: the rest of the caller's block
builds graphs.
"""

import logging
import sys
import warnings

import torch
from lightning.pytorch import LightningModule, Trainer

warnings.simplefilter("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
model = LightningModule()
model.training_step = lambda batch, batch_idx: None
model.configure_optimizers = lambda: None
trainer = Trainer(max_epochs=1, logger=False, enable_checkpointing=False, enable_progress_bar=False, accelerator="cpu",
                  enable_model_summary=False)
with torch.no_grad():
    trainer.fit(model, [torch.ones(1, 4)])
    print(f"expected: gradients are off inside torch.no_grad\nseen: grad mode is {torch.is_grad_enabled()}")
    sys.exit(torch.is_grad_enabled())
