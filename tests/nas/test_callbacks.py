"""Limits inside the loops of other libraries: the real ones where they are installed, and stand-ins that call the same hooks."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from hwcost import Budget, Target, nas
from hwcost.errors import InputError
from hwcost.nas import callbacks
from tests.nas.networks import Residual, example

STEPS = 8


def limits_on(model: nn.Module, strategy: str = "ramp") -> nas.Limits:
    space = nas.prunable(model, example(Residual))
    return nas.Limits(space, Target.load("stm32l4r5"), Budget(latency_s=0.003), steps=STEPS, strategy=strategy)


def batches(count: int, size: int = 4) -> list[tuple[torch.Tensor, torch.Tensor]]:
    random = torch.Generator().manual_seed(2)
    return [(torch.randn(size, 1, 8, 8, generator=random), torch.randint(0, 4, (size,), generator=random)) for _ in range(count)]


def plain_run(accumulated: int = 1) -> tuple[nn.Module, nas.Limits]:
    """The four lines."""
    torch.manual_seed(3)
    model = Residual().train()
    limits, optimizer = limits_on(model), torch.optim.SGD(model.parameters(), 0.01)
    for index, (x, y) in enumerate(batches(STEPS * accumulated), start=1):
        task = nn.functional.cross_entropy(model(x), y) / accumulated
        (task + limits.loss(task * accumulated) / accumulated).backward()
        if index % accumulated == 0:
            optimizer.step()
            optimizer.zero_grad()
            limits.step()
    return model, limits


def same(first: nas.Limits, second: nas.Limits) -> bool:
    ours, theirs = (limits.saliency.state_dict()["means"] for limits in (first, second))
    return first.steps_done == second.steps_done and all(torch.allclose(ours[name], theirs[name], rtol=1e-4) for name in ours)


class LightningLoop:
    """The hooks of Lightning's Trainer in their order, with a scaler or accumulated batches."""

    def __init__(self, accumulated: int = 1, scale: float | None = None) -> None:
        scaler = None if scale is None else SimpleNamespace(get_scale=lambda: scale)
        self.precision_plugin = SimpleNamespace(scaler=scaler)
        self.scale = scale or 1.0
        self.accumulate_grad_batches, self.global_step = accumulated, 0

    def fit(self, model: nn.Module, callback) -> None:
        optimizer = torch.optim.SGD(model.parameters(), 0.01)
        callback.on_train_start(self, model)
        for index, (x, y) in enumerate(batches(STEPS * self.accumulate_grad_batches), start=1):
            loss = nn.functional.cross_entropy(model(x), y) / self.accumulate_grad_batches * self.scale
            callback.on_before_backward(self, model, loss)
            loss.backward()
            if index % self.accumulate_grad_batches == 0:
                for parameter in model.parameters():
                    parameter.grad /= self.scale
                optimizer.step()
                optimizer.zero_grad()
                self.global_step += 1
            callback.on_train_batch_end(self, model, None, (x, y), index - 1)


@pytest.mark.parametrize(("accumulated", "scale"), [(1, None), (2, None), (1, 1024.0)])
def test_the_hooks_of_lightning_do_what_the_four_lines_do(accumulated: int, scale: float | None) -> None:
    model, limits = plain_run(accumulated)
    torch.manual_seed(3)
    other = Residual().train()
    callback = callbacks._lightning_class(object)(limits_on(other))
    LightningLoop(accumulated, scale).fit(other, callback)
    assert same(limits, callback.limits)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(model.parameters(), other.parameters(), strict=True))
    resumed = callbacks._lightning_class(object)(limits_on(Residual()))
    resumed.load_state_dict(callback.state_dict())
    assert same(resumed.limits, limits)


class HuggingFaceTrainer:
    """The parts of Hugging Face's Trainer that matter here: the loss is divided unless the number of items says how to."""

    model_accepts_loss_kwargs = False

    def __init__(self, model: nn.Module, args: SimpleNamespace, callback) -> None:
        self.model, self.args, self.callback = model, args, callback

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        outputs = model(inputs[0])
        loss = nn.functional.cross_entropy(outputs, inputs[1])
        if self.model_accepts_loss_kwargs and num_items_in_batch is not None:
            loss = loss / self.args.gradient_accumulation_steps
        return (loss, outputs) if return_outputs else loss

    def train(self) -> None:
        optimizer, state = torch.optim.SGD(self.model.parameters(), 0.01), SimpleNamespace(global_step=0, is_world_process_zero=True)
        self.callback.on_train_begin(self.args, state, None)
        count = self.args.gradient_accumulation_steps
        for index, batch in enumerate(batches(STEPS * count), start=1):
            items = 8 if self.model_accepts_loss_kwargs else None
            loss = self.compute_loss(self.model, batch, num_items_in_batch=items)
            (loss if self.model_accepts_loss_kwargs else loss / count).backward()
            if index % count == 0:
                optimizer.step()
                optimizer.zero_grad()
                state.global_step += 1
                self.callback.on_step_end(self.args, state, None)
        folder = Path(self.args.output_dir) / f"checkpoint-{state.global_step}"
        folder.mkdir(parents=True)
        self.callback.on_save(self.args, state, None)


@pytest.mark.parametrize(("accumulated", "counts_items"), [(1, False), (2, False), (2, True)])
def test_the_hooks_of_hugging_face_do_what_the_four_lines_do(accumulated: int, counts_items: bool, tmp_path: Path) -> None:
    model, limits = plain_run(accumulated)
    torch.manual_seed(3)
    other = Residual().train()
    found = limits_on(other)
    callback = callbacks._huggingface_class(object)(found)
    args = SimpleNamespace(output_dir=str(tmp_path), gradient_accumulation_steps=accumulated)
    trainer = nas.with_limits(HuggingFaceTrainer, found)(other, args, callback)
    trainer.model_accepts_loss_kwargs = counts_items
    trainer.train()
    assert type(trainer).__name__ == "HuggingFaceTrainerWithLimits"
    assert same(limits, found)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(model.parameters(), other.parameters(), strict=True))

    resumed = callbacks._huggingface_class(object)(limits_on(Residual()))
    resumed.on_train_begin(args, SimpleNamespace(global_step=STEPS), None)
    assert same(resumed.limits, limits)
    with pytest.raises(InputError, match="made without limits"):
        resumed.on_train_begin(args, SimpleNamespace(global_step=5), None)


def test_evaluation_has_the_loss_of_the_task_alone(tmp_path: Path) -> None:
    model = Residual().eval()
    limits, batch = limits_on(model), batches(1)[0]
    trainer = nas.with_limits(HuggingFaceTrainer, limits)(model, SimpleNamespace(gradient_accumulation_steps=1), None)
    loss, outputs = trainer.compute_loss(model, batch, return_outputs=True)
    assert float(loss.detach()) == float(nn.functional.cross_entropy(outputs, batch[1]).detach())
    model.train()
    loss, outputs = trainer.compute_loss(model, batch, return_outputs=True)
    assert float(loss.detach()) > float(nn.functional.cross_entropy(outputs, batch[1]).detach())


def test_a_library_that_is_missing_is_named() -> None:
    with pytest.raises(InputError, match="pip install nothing_like_it"):
        callbacks._first_of(("nothing_like_it",), "nothing_like_it")


def test_lightning_itself(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lightning = pytest.importorskip("lightning.pytorch")

        class Module(lightning.LightningModule):
            def __init__(self) -> None:
                super().__init__()
                self.network = Residual()

            def training_step(self, batch, index):
                return nn.functional.cross_entropy(self.network(batch[0]), batch[1])

            def configure_optimizers(self):
                return torch.optim.SGD(self.parameters(), 0.01)

        torch.manual_seed(3)
        module = Module()
        limits = limits_on(module.network)
        data = torch.utils.data.DataLoader(batches(2 * STEPS), batch_size=None)
        trainer = lightning.Trainer(
            max_epochs=1,
            accelerator="cpu",
            accumulate_grad_batches=2,
            callbacks=[nas.lightning_callback(limits)],
            default_root_dir=tmp_path,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(module, data)
    expected, theirs = plain_run(2)
    assert limits.settled
    assert same(theirs, limits)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(expected.parameters(), module.network.parameters(), strict=True))


def test_transformers_itself() -> None:
    transformers = pytest.importorskip("transformers")
    assert isinstance(nas.huggingface_callback(limits_on(Residual())), transformers.TrainerCallback)
