"""Where buffers lie in an arena: a ladder of planners, each tried only while the ones before left a gap to the bound.

First fit in several orders; a beam of plans built from the bottom up, which proves what it finds where it was wide enough; local search;
CP-SAT, where OR-tools is installed. Every plan says how far it can be from the best.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from hwcost.errors import InputError, listed
from hwcost.memory.beam import BottomUp, Outcome
from hwcost.memory.buffers import Buffer, Plan
from hwcost.memory.exact import solve
from hwcost.memory.greedy import first_fit, greedy_by_size, greedy_plans, planned, tflm_greedy
from hwcost.memory.local import OrderSearch

__all__ = ["first_fit", "greedy_by_size", "place", "tflm_greedy"]

QUICK_PLANS = 400_000
"""Buffers of partial plans (plans times buffers) that the quick beam may look at: about a tenth of a second."""
MOST_BUFFERS = 2_000
"""Beyond it, only first fit is tried: the tables of the beam grow with the square."""
MOST_BYTES = 1 << 29
"""Height beyond which only first fit is tried: the beam counts in 32-bit numbers, and no microcontroller has as much."""
QUICK = (16, 1.0, 3.0)
QUICK_BEAMS = 4
ATTEMPTS = ((8, 1.0, 3.0), (32, 1.02, 3.0), (32, 1.03, 8.0), (64, 1.02, 3.0), (32, 1.06, 3.0), (128, 1.01, 3.0), (256, 1.02, 3.0))
"""Beams in the order they are tried: width, height aimed at as a multiple of the bound, and weight of wasted space.

A looser aim wastes more and gets further; which one ends lowest differs from problem to problem.
"""
BEAM_SHARE, LOCAL_SHARE = 0.8, 0.95
"""Shares of the time at which beams, and then local search, are over; CP-SAT has the rest."""


def place(buffers: Sequence[Buffer], *, time_limit_s: float | None = None, seed: int = 0) -> Plan:
    """The lowest plan found, with its lower bound, and whether it is proven optimal.

    Without a time limit the search is bounded by the work it does, about a tenth of a second, and equal input gives an equal plan. With
    one, wider beams, local search and CP-SAT follow until the plan is proven or the time is over.
    Raises InputError for buffers that are no blocks: no size, no life, or a name used twice.
    """
    _require_blocks(buffers)
    best = _greedy(buffers)
    if best.optimal or not _suits_beam(buffers, best):
        return best
    best = _quick(buffers, best)
    if best.optimal or time_limit_s is None:
        return best
    return _thorough(buffers, best, time_limit_s, seed)


def _quick(buffers: Sequence[Buffer], best: Plan) -> Plan:
    """The quick beam, again where it found a lower plan: only one that finds none can prove anything."""
    for _ in range(QUICK_BEAMS):
        plan = _by_beam(buffers, best, *QUICK, QUICK_PLANS // len(buffers))
        if plan.optimal or plan.height_bytes == best.height_bytes:
            return plan
        best = plan
    return best


def _suits_beam(buffers: Sequence[Buffer], best: Plan) -> bool:
    return len(buffers) <= MOST_BUFFERS and best.height_bytes <= MOST_BYTES and len({b.alignment for b in buffers}) == 1


def _require_blocks(buffers: Sequence[Buffer]) -> None:
    faults = [f"buffer '{b.name}' of {b.size_bytes} bytes, steps {b.start} to {b.stop}" for b in buffers if not _is_block(b)]
    if len({buffer.name for buffer in buffers}) < len(buffers):
        faults.append("two buffers of one name")
    if faults:
        raise InputError(f"expected blocks of at least one byte and one step, each with its own name; got {listed(faults)}")


def _is_block(buffer: Buffer) -> bool:
    return buffer.size_bytes > 0 and buffer.start < buffer.stop and buffer.alignment > 0


def _greedy(buffers: Sequence[Buffer]) -> Plan:
    """The best of first fit in several orders; the first that meets the bound ends it."""
    plans = greedy_plans(buffers)
    best = next(plans)
    for plan in plans:
        if best.optimal:
            break
        best = min(best, plan, key=lambda p: p.height_bytes)
    return best


def _thorough(buffers: Sequence[Buffer], best: Plan, time_limit_s: float, seed: int) -> Plan:
    """Beams from narrow to wide, then local search, then CP-SAT, until proven or out of time."""
    start = time.monotonic()

    def left(share: float) -> float:
        return start + share * time_limit_s - time.monotonic()

    for width, aim, waste_weight in ATTEMPTS:
        if best.optimal or left(BEAM_SHARE) <= 0:
            break
        best = _by_beam(buffers, best, width, aim, waste_weight, 1 << 62, lambda: left(BEAM_SHARE) > 0)
    if not best.optimal:
        best = OrderSearch(buffers, seed).improve(best, 1 << 30, lambda: left(LOCAL_SHARE) > 0)
    found = solve(buffers, best, left(1.0)) if not best.optimal and left(1.0) > 0 else None
    return best if found is None or (found.height_bytes >= best.height_bytes and not found.optimal) else found


def _by_beam(
    buffers: Sequence[Buffer],
    best: Plan,
    width: int,
    aim: float,
    waste_weight: float,
    most: int,
    go_on: Callable[[], bool] = lambda: True,
) -> Plan:
    """`best`, or a lower plan by a beam that aims at `aim` times the bound; a beam that tried everything is a proof."""
    problem = BottomUp(buffers)
    limit_bytes = best.height_bytes - 1
    target = min(problem.units(limit_bytes), int(problem.bound * aim))
    outcome = problem.search(width, target, limit_bytes, waste_weight, most, go_on)
    return _better(buffers, best, outcome)


def _better(buffers: Sequence[Buffer], best: Plan, outcome: Outcome) -> Plan:
    if outcome.offsets is None and outcome.complete:
        return replace(best, optimal=True)
    plan = _finished(buffers, outcome) if outcome.offsets is None else planned(outcome.offsets, buffers, "bottom-up beam")
    return min(best, plan, key=lambda p: p.height_bytes)


def _finished(buffers: Sequence[Buffer], outcome: Outcome) -> Plan:
    """The longest partial plan of a beam that came to an end, the rest put on top of it, largest first."""
    place_in = {name: index for index, name in enumerate(outcome.begun)}
    order = sorted(buffers, key=lambda b: (place_in.get(b.name, len(place_in)), -b.size_bytes, b.start))
    return first_fit(order, "bottom-up beam and first fit")
