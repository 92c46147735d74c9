"""What one should know of a network that a search gives before its time, or of training that went wrong."""

from __future__ import annotations

from collections.abc import Sequence

from hwcost.nas.saliency import RunningSaliency
from hwcost.nas.space import Space

OFTEN = 0.1
"""Share of steps without finite gradients from which it is said; a scaler of mixed precision makes a few at first."""
NAMED = 3


def notes_on(space: Space, saliency: RunningSaliency, chosen_at: int, planned: int, steps: int) -> tuple[str, ...]:
    """Notes on a network whose channels are chosen after `chosen_at` steps, where `planned` of all `steps` were to come first."""
    found = []
    if chosen_at < planned:
        found.append(f"exported early: {_kept(space)}, chosen after {chosen_at} of {steps} steps {_by_what(saliency)}; {_next(chosen_at)}")
    if saliency.left_out > OFTEN * max(1, saliency.seen):
        found.append(f"{_left_out(saliency)}, and taught nothing of what channels are worth")
    return tuple(found)


def diverged(sick: Sequence[str], saliency: RunningSaliency, steps_done: int) -> str:
    """Why a network is not given whose tensors are not finite."""
    more = f" and {len(sick) - NAMED} more" if len(sick) > NAMED else ""
    when = f" after {steps_done} steps, of which {_left_out(saliency)}" if saliency.left_out else f" after {steps_done} steps"
    return (
        f"training has diverged{when}: {', '.join(sick[:NAMED])}{more} hold values that are not finite, so nothing is exported; lower the "
        "learning rate and start again, or go on from a state of model and limits saved before"
    )


def _kept(space: Space) -> str:
    channels = sum(group.size for group in space.free)
    taken = "".join(f", '{name}' for '{path}'" for path, name in space.chosen.items())
    return f"{sum(space.widths.values())} of {channels} channels and taps stay{taken}"


def _by_what(saliency: RunningSaliency) -> str:
    taught = saliency.seen - saliency.left_out
    return f"by the worth that {taught} steps taught" if taught else "by nothing but their order, since no step has taught their worth"


def _next(chosen_at: int) -> str:
    return "fine-tune it longer than usual" if chosen_at else "train with `limits.step()` after every step first"


def _left_out(saliency: RunningSaliency) -> str:
    return f"{saliency.left_out} of {saliency.seen} steps had gradients that were not finite"
