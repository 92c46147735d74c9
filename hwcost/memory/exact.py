"""Placement by OR-tools' CP-SAT where it is installed: rectangles in time and memory that must not overlap."""

from __future__ import annotations

from collections.abc import Sequence

from hwcost.memory.buffers import Buffer, Plan
from hwcost.memory.greedy import planned


def solve(buffers: Sequence[Buffer], best: Plan, time_limit_s: float) -> Plan | None:
    """A plan lower than `best`, or `best` proven optimal; None without OR-tools or where the time did not suffice."""
    try:
        from ortools.sat.python import cp_model
    except ImportError:
        return None
    model = cp_model.CpModel()
    places = [model.new_int_var(0, (best.height_bytes - b.size_bytes) // b.alignment, b.name) for b in buffers]
    rows = [place * b.alignment for place, b in zip(places, buffers, strict=True)]
    lives = [model.new_fixed_size_interval_var(b.start, b.stop - b.start, f"{b.name} lives") for b in buffers]
    sizes = [model.new_fixed_size_interval_var(row, b.size_bytes, f"{b.name} lies") for row, b in zip(rows, buffers, strict=True)]
    model.add_no_overlap_2d(lives, sizes)
    height = model.new_int_var(best.lower_bound_bytes, best.height_bytes, "height")
    for place, row, buffer in zip(places, rows, buffers, strict=True):
        model.add(row + buffer.size_bytes <= height)
        model.add_hint(place, best.offsets[buffer.name] // buffer.alignment)
    model.minimize(height)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = time_limit_s
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    offsets = {buffer.name: int(solver.value(row)) for row, buffer in zip(rows, buffers, strict=True)}
    plan = planned(offsets, buffers, "CP-SAT")
    return Plan(plan.offsets, plan.height_bytes, plan.lower_bound_bytes, plan.method, plan.optimal or status == cp_model.OPTIMAL)
