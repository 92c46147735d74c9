"""A block of a network that could be built in several ways, and the probabilities a search learns for them."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from hwcost.errors import InputError, shown

MODES = ("softmax", "gumbel", "sampled")
"""How a training step mixes the alternatives: all by their probability, all by a noisy draw of it, or two drawn by it."""
PATHS = 2
"""Alternatives that a step of mode `sampled` runs: one forward and backward, one forward."""
OPEN = -1
"""Value of the buffer `chosen` while nothing is chosen."""
ICV_FLOOR = 1e-3
"""Added to the variance, as published: equal probabilities have none."""


class Choice(nn.Module):
    """Alternatives of one shape, of which a search keeps one; put the layer you would take without a search first.

    ::

        self.block = nas.Choice(conv3x3, conv5x5, separable, nn.Identity(), mode="sampled")

    Each step computes a sum of alternatives weighted by theta = softmax(alpha / temperature), where all start equally likely. Mode
    `softmax` runs all of them, `gumbel` all with Gumbel noise on alpha. Mode `sampled` draws two by theta, trains the first as if it stood
    alone, and runs the second forward to compare them: alpha learns what the loss would gain by exchanging the one for the other. In
    evaluation mode nothing is drawn, and `sampled` runs the most probable one. Once chosen, that alternative is all that runs.

    alpha is no parameter: `nas.Limits` teaches it with an optimiser of its own, whatever the user's does. It is in the state dict
    as `alpha`, beside `chosen`, which alternative is, and the state of the draws.
    """

    alpha: torch.Tensor
    chosen: torch.Tensor

    def __init__(
        self,
        *alternatives: nn.Module,
        mode: str = "softmax",
        temperature: float = 1.0,
        final_temperature: float | None = None,
        names: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        if len(alternatives) < 2 or not all(isinstance(each, nn.Module) for each in alternatives):
            raise InputError(f"expected a choice between at least 2 modules, got {', '.join(map(shown, alternatives)) or 'none'}")
        self.names = tuple(names) if names is not None else _kinds(alternatives)
        if len(set(self.names)) != len(alternatives):
            raise InputError(f"expected a name of its own for each of {len(alternatives)} alternatives, got {', '.join(self.names)}")
        self.alternatives = nn.ModuleList(alternatives)
        self.register_buffer("alpha", torch.full((len(alternatives),), 1 / len(alternatives)))
        self.register_buffer("chosen", torch.tensor(OPEN))
        self.set_mode(mode, temperature, final_temperature)
        self.temperature = temperature
        self.random = torch.Generator()
        self.random.manual_seed(int(torch.randint(2**31, ())))
        self._settled: int | None = None
        self._is_whole = False
        self._leaf: torch.Tensor | None = None

    def set_mode(self, mode: str, temperature: float, final_temperature: float | None = None) -> None:
        """How a step mixes the alternatives, and the temperature at the beginning and the end of a search (None: the same)."""
        final = temperature if final_temperature is None else final_temperature
        if mode not in MODES:
            raise InputError(f"expected a mode of choice out of {', '.join(MODES)}, got {shown(mode)}")
        if not (temperature > 0 and final > 0):
            raise InputError(f"expected temperatures above 0, got {temperature} and {final}")
        self.mode, self.temperatures = mode, (temperature, final)

    @property
    def theta(self) -> torch.Tensor:
        """The probability of each alternative; its gradient reaches alpha while the module is under search."""
        return torch.softmax(self._logits() / self.temperature, dim=0)

    @property
    def settled(self) -> int | None:
        """Index of the alternative that is chosen, None while none is."""
        return self._settled

    @property
    def leaf(self) -> torch.Tensor | None:
        """What gathers the gradient of alpha; None while the module is not under search."""
        return self._leaf

    def settle(self, index: int | None) -> None:
        """Run this alternative alone from now on; None opens the choice again."""
        self.chosen.fill_(OPEN if index is None else index)
        self._settled = index

    def learn(self, active: bool) -> None:
        """Let alpha gather gradients, or not."""
        self._leaf = self.alpha.detach().requires_grad_() if active else None

    def anneal(self, progress: float) -> None:
        """Set the temperature of a moment of the search, 0 to 1: geometric between the first and the last."""
        first, last = self.temperatures
        self.temperature = first * (last / first) ** min(1.0, max(0.0, progress))

    def prefer_first(self, probability: float) -> None:
        """Start with the first alternative that probable at this temperature, the others alike; alpha that has learned stays as it is."""
        if bool((self.alpha == self.alpha[0]).all()):
            odds = probability * (len(self.alpha) - 1) / (1 - probability)
            self.alpha[0] += self.temperature * math.log(odds)

    def icv(self) -> torch.Tensor:
        """mean(theta)^2 / (var(theta) + 1e-3), which is small where one alternative is sure; published as the ICV regulariser."""
        theta = self.theta
        return theta.mean().square() / (theta.var(unbiased=False) + ICV_FLOOR)

    def _alike(self, made: Sequence[Any]) -> Sequence[Any]:
        shapes = [tuple(each.shape) if isinstance(each, torch.Tensor) else None for each in made]
        if any(shape != shapes[0] for shape in shapes):
            told = ", ".join(f"'{name}' {shape}" for name, shape in zip(self.names, shapes, strict=True))
            raise InputError(f"expected alternatives of a choice that make one shape, got {told}")
        return made

    def forward(self, *inputs: Any) -> Any:
        """The mixture of a step, or what the chosen alternative makes."""
        if self._settled is not None:
            return self.alternatives[self._settled](*inputs)
        if self._is_whole:
            return _sum(self._alike([alternative(*inputs) for alternative in self.alternatives]))
        if self.mode == "sampled":
            return self._sampled(*inputs)
        logits = self._logits()
        noise = self._gumbel(logits) if self.mode == "gumbel" and self.training else 0.0
        weights = torch.softmax((logits + noise) / self.temperature, dim=0)
        made = [alternative(*inputs) for alternative in self.alternatives]
        return _sum([weight.to(values.dtype) * values for weight, values in zip(weights, made, strict=True)])

    def _sampled(self, *inputs: Any) -> Any:
        """What one alternative makes; while alpha learns, with the gradient that the weights of two in a mixture would have."""
        logits = self._logits() / self.temperature
        if not self.training:
            return self.alternatives[int(logits.argmax())](*inputs)
        first, second = (logits.detach() + self._gumbel(logits)).topk(PATHS).indices.tolist()
        made = self.alternatives[first](*inputs)
        if self._leaf is None or not torch.is_grad_enabled():
            return made
        with torch.no_grad():
            exchange = self.alternatives[second](*inputs) - made
        weight = torch.softmax(logits[[first, second]], dim=0)[1]
        return made + (weight - weight.detach()).to(made.dtype) * exchange

    def _gumbel(self, like: torch.Tensor) -> torch.Tensor:
        """Noise by which the largest of log-probabilities is a draw, and the two largest are one without putting back."""
        uniform = torch.rand(len(self.alternatives), generator=self.random).clamp_(1e-9, 1 - 1e-7)
        return -(-uniform.log()).log().to(like)

    def _logits(self) -> torch.Tensor:
        """alpha, or the leaf that shares its memory; a leaf that no longer does (the module moved) is made again."""
        if self._leaf is None:
            return self.alpha
        if self._leaf.data_ptr() != self.alpha.data_ptr() or self._leaf.dtype != self.alpha.dtype:
            self.learn(True)
        return self._leaf

    def get_extra_state(self) -> torch.Tensor:
        """Where the draws stand: part of the state dict, so that training goes on with the same ones."""
        return self.random.get_state()

    def set_extra_state(self, state: torch.Tensor) -> None:
        """Go on with the draws from there."""
        self.random.set_state(state.cpu())

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        index = int(self.chosen)
        self._settled = None if index == OPEN else index

    def extra_repr(self) -> str:
        """What is known of the choice, for printing."""
        return f"names={self.names}, mode={self.mode}" + ("" if self._settled is None else f", chosen={self.names[self._settled]}")


def choices_of(module: nn.Module) -> dict[str, Choice]:
    """The choices inside a module by path, in the order they were put there; one that is there twice has two paths."""
    return {path: part for path, part in module.named_modules(remove_duplicate=False) if isinstance(part, Choice)}


@contextmanager
def as_a_whole(module: nn.Module) -> Iterator[None]:
    """Every choice as the plain sum of all its alternatives, which is how a network is read with all of them in it."""
    parts = list(dict.fromkeys(choices_of(module).values()))
    before = [(part._is_whole, part._settled) for part in parts]
    for part in parts:
        part._is_whole, part._settled = True, None
    try:
        yield
    finally:
        for part, (whole, settled) in zip(parts, before, strict=True):
            part._is_whole, part._settled = whole, settled


def require_alike(module: nn.Module, inputs: Sequence[torch.Tensor]) -> None:
    """Raise InputError unless the alternatives of every choice make equal shapes; a trace would fail with less to say."""
    copied = copy.deepcopy(module).eval()
    with torch.no_grad(), as_a_whole(copied):
        copied(*inputs)


def _sum(made: Sequence[Any]) -> Any:
    total = made[0]
    for values in made[1:]:
        total = total + values
    return total


def _kinds(alternatives: Sequence[nn.Module]) -> tuple[str, ...]:
    """Alternatives named by their class, numbered where there are several of one."""
    kinds = [type(each).__name__ for each in alternatives]
    return tuple(kind if kinds.count(kind) == 1 else f"{kind}-{index}" for index, kind in enumerate(kinds))
