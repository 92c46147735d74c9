"""Whether a plan is one: an independent look at every pair, sharing no code with the planners."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from hwcost.errors import ModelError, listed
from hwcost.memory.buffers import Buffer, Plan


def validate(buffers: Sequence[Buffer], plan: Plan, capacity: int | None = None) -> None:
    """Nothing for a sound plan; ModelError naming every buffer that is missing, misplaced or overlapped."""
    faults = [f"'{buffer.name}' has no place" for buffer in buffers if buffer.name not in plan.offsets]
    known = [(plan.offsets[buffer.name], buffer) for buffer in buffers if buffer.name in plan.offsets]
    faults += [f"'{b.name}' lies at {at}, not a multiple of {b.alignment}" for at, b in known if at < 0 or at % b.alignment]
    faults += [
        f"'{b.name}' ends at {at + b.size_bytes}, above {plan.height_bytes}" for at, b in known if at + b.size_bytes > plan.height_bytes
    ]
    for (low, a), (high, b) in combinations(sorted(known, key=lambda item: item[0]), 2):
        if low + a.size_bytes > high and a.start < b.stop and b.start < a.stop:
            faults.append(f"'{a.name}' and '{b.name}' overlap at {high}")
    if plan.height_bytes < plan.lower_bound_bytes:
        faults.append(f"its height {plan.height_bytes} is below its own bound {plan.lower_bound_bytes}")
    if capacity is not None and plan.height_bytes > capacity:
        faults.append(f"its height {plan.height_bytes} is above the {capacity} bytes there are")
    if faults:
        raise ModelError(f"the plan of '{plan.method}' is not sound: {listed(faults)}")
