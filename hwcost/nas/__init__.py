"""Search: one training run that lands on every limit.

::

    space = nas.prunable(model, example_input)
    limits = nas.Limits(space, target, budget, steps=epochs * len(loader))
    loss = criterion(model(x), y) + limits.loss()
    loss.backward(); optimizer.step(); limits.step()
    small = limits.export()
"""

from __future__ import annotations

from hwcost.nas.budget_loss import BudgetLoss
from hwcost.nas.callbacks import huggingface_callback, lightning_callback, with_limits
from hwcost.nas.choice import Choice
from hwcost.nas.choosing import Choosing
from hwcost.nas.groups import Group
from hwcost.nas.limits import Limits
from hwcost.nas.space import Space, prunable

__all__ = [
    "BudgetLoss",
    "Choice",
    "Choosing",
    "Group",
    "Limits",
    "Space",
    "huggingface_callback",
    "lightning_callback",
    "prunable",
    "with_limits",
]
