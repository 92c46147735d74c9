"""The network that a configuration names: the task's own, a reference network, one with choices, or what a function of the user's makes."""

from __future__ import annotations

from difflib import get_close_matches

import torch
from torch import nn

from hwcost.errors import InputError, shown
from hwcost.nas.supernets import SUPERNETS, supernet
from hwcost.nas.user_code import made
from hwcost.ops.base import shape_text
from hwcost.tasks import REGISTRY, Task, reference_network


def network_of(task: Task, name: str | None) -> nn.Module:
    """A new network for a task, its weights drawn from torch's generator; without a name the task's own.

    Raises InputError for a name that is none, and for a network that does not take what the task gives or give what it takes.
    """
    if name is None:
        return task.network()
    answers = _answers(task, _in_passing(task))
    network = _named(name, task, answers)
    found = _answers(task, network)
    if found != answers:
        raise InputError(f"network {shown(name)}: expected outputs {shape_text(answers)} as the task takes, got {shape_text(found)}")
    return network


def _named(name: str, task: Task, answers: tuple[int, ...]) -> nn.Module:
    if ".py:" in name:
        return made(name, "a network", nn.Module)  # type: ignore[no-any-return]
    if name in SUPERNETS:
        return supernet(name, tuple(task.example_input().shape[1:]), answers[-1])
    if name in REGISTRY:
        network: nn.Module = reference_network(name)
        if isinstance(getattr(network, "softmax", None), nn.Softmax):
            network.softmax = nn.Identity()  # tasks take logits
        return network
    known = [*SUPERNETS, *REGISTRY]
    near = get_close_matches(name, known, n=3, cutoff=0.4) or sorted(known)
    raise InputError(f"there is no network {shown(name)}; expected {' or '.join(near)}, or FILE.py:NAME for one of your own")


def _in_passing(task: Task) -> nn.Module:
    """The task's own network; nothing is drawn from the user's stream for it."""
    with torch.random.fork_rng(devices=[]):
        return task.network()


def _answers(task: Task, network: nn.Module) -> tuple[int, ...]:
    """The shape of what a network makes of one input."""
    was_training = network.training
    try:
        with torch.no_grad():
            found = network.eval()(task.example_input())
    except Exception as error:
        shape = shape_text(tuple(task.example_input().shape[1:]))
        raise InputError(f"the network cannot take the task's inputs of {shape}: {type(error).__name__}: {error}") from error
    finally:
        network.train(was_training)
    return tuple(found.shape) if isinstance(found, torch.Tensor) else ()
