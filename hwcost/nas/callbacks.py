"""The four lines inside the training loops of others: Lightning's Trainer and that of Hugging Face.

Neither is imported before a callback is asked for.
"""

from __future__ import annotations

import importlib
import io
from pathlib import Path
from typing import Any

import torch

from hwcost.errors import InputError
from hwcost.nas.checkpoint import write_atomically
from hwcost.nas.limits import Limits

LIGHTNING = ("lightning.pytorch", "pytorch_lightning")
FILE = "limits.pt"
"""What a checkpoint of Hugging Face's Trainer gets beside its own files."""


def lightning_callback(limits: Limits) -> Any:
    """A callback for Lightning's `Trainer(callbacks=[...])`: it adds the loss, takes the steps, and is saved in checkpoints.

    The loss of the task is what `training_step` returns; the loss of the limits is added to it before the backward pass, scaled as it
    was. A step is taken whenever the optimiser took one, so batches can be accumulated. For manual optimisation write the four lines.
    """
    return _lightning_class(_first_of(LIGHTNING, "lightning").Callback)(limits)


def huggingface_callback(limits: Limits) -> Any:
    """A callback for `transformers.Trainer(callbacks=[...])`: it takes the steps, and keeps `limits.pt` in every checkpoint.

    That Trainer has no hook in which a loss could be added: `with_limits` makes one that adds it.
    """
    return _huggingface_class(_first_of(("transformers",), "transformers").TrainerCallback)(limits)


def with_limits(trainer: type[Any], limits: Limits) -> type[Any]:
    """A subclass of a Hugging Face Trainer whose training loss contains that of the limits; give it the callback too.

    ::

        trainer = nas.with_limits(Trainer, limits)(model, args, train_dataset=data, callbacks=[nas.huggingface_callback(limits)])
    """

    class WithLimits(trainer):  # type: ignore[misc]  # a class of another library
        def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **rest: Any) -> Any:
            """The loss of the task, while training with that of the limits."""
            found = super().compute_loss(model, inputs, return_outputs=return_outputs, **rest)
            if not model.training:
                return found
            loss, outputs = found if return_outputs else (found, None)
            share = _share_of_step(self, rest.get("num_items_in_batch"))
            total = loss + limits.loss(loss.detach() / share) * share
            return (total, outputs) if return_outputs else total

    WithLimits.__name__ = WithLimits.__qualname__ = f"{trainer.__name__}WithLimits"
    return WithLimits


def _share_of_step(trainer: Any, num_items_in_batch: Any) -> float:
    """What one of several accumulated batches counts of a step, where the Trainer does not divide by their number itself."""
    divides = num_items_in_batch is None or not getattr(trainer, "model_accepts_loss_kwargs", False)
    return 1.0 if divides else 1.0 / int(trainer.args.gradient_accumulation_steps)


def _lightning_class(base: type[Any]) -> type[Any]:
    class LimitsCallback(base):  # type: ignore[misc]  # a class of another library
        """Limits on a module that Lightning trains."""

        def __init__(self, limits: Limits) -> None:
            super().__init__()
            self.limits = limits
            self._steps_seen = 0

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            """Count the steps of the optimiser from here."""
            self._steps_seen = trainer.global_step

        def on_before_backward(self, trainer: Any, pl_module: Any, loss: torch.Tensor) -> None:
            """Add the loss of the limits, scaled as the loss of the task already is."""
            scaler = getattr(trainer.precision_plugin, "scaler", None)
            scale = (1.0 if scaler is None else float(scaler.get_scale())) / trainer.accumulate_grad_batches
            loss.add_((self.limits.loss(loss.detach() / scale) * scale).to(loss))

        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            """Take a step if the optimiser took one."""
            if trainer.global_step != self._steps_seen:
                self._steps_seen = trainer.global_step
                self.limits.step()

        def state_dict(self) -> dict[str, Any]:
            """What goes into a checkpoint."""
            return {"limits": self.limits.state_dict()}

        def load_state_dict(self, state_dict: dict[str, Any]) -> None:
            """Go on from a checkpoint."""
            self.limits.load_state_dict(state_dict["limits"])

    return LimitsCallback


def _huggingface_class(base: type[Any]) -> type[Any]:
    class LimitsCallback(base):  # type: ignore[misc]  # a class of another library
        """Limits on a model that Hugging Face's Trainer trains."""

        def __init__(self, limits: Limits) -> None:
            super().__init__()
            self.limits = limits

        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            """Go on from the checkpoint that the Trainer goes on from."""
            if state.global_step == 0:
                return
            path = _folder(args, state) / FILE
            if not path.is_file():
                raise InputError(f"{path}: the checkpoint at step {state.global_step} was made without limits; start anew")
            self.limits.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            """Take a step; accumulated batches are one."""
            self.limits.step()

        def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            """Put the limits beside what the Trainer saved."""
            if getattr(state, "is_world_process_zero", True):
                content = io.BytesIO()
                torch.save(self.limits.state_dict(), content)
                write_atomically(_folder(args, state) / FILE, content.getvalue())

    return LimitsCallback


def _folder(args: Any, state: Any) -> Path:
    """Where that Trainer keeps the checkpoint of a step."""
    resumed = getattr(args, "resume_from_checkpoint", None)
    own = Path(args.output_dir) / f"checkpoint-{state.global_step}"
    return Path(resumed) if isinstance(resumed, str) and not own.is_dir() else own


def _first_of(names: tuple[str, ...], package: str) -> Any:
    """The first of these libraries that is installed; InputError where none is."""
    for name in names:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not name.startswith(error.name):
                raise
    raise InputError(f"this callback is for {package}, which is not installed: pip install {package}")
