"""What a profile measured, in words and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwcost.report.names import escaped

if TYPE_CHECKING:
    from hwcost.fit.active import Active, Round
    from hwcost.measure.profiling import Profile
    from hwcost.measure.profiling.firmware import Emitted
    from hwcost.target import Target

__all__ = ["active_json", "active_text", "emitted_json", "emitted_text", "profile_json", "profile_text", "round_text"]

_MOST_REFUSED = 5


def profile_text(path: Path, done: Profile) -> str:
    """Rows by operator and kernel, and what could not be run."""
    lines = [f"{escaped(str(path))}: {len(done.rows)} layers, {done.added} of them new"]
    for (kind, kernel), count in sorted(_counts(done).items()):
        lines.append(f"  {kind:<24}{kernel:<20}{count:>6}")
    lines += [f"could not be run: {escaped(why)}" for _, why in done.refused[:_MOST_REFUSED]]
    if len(done.refused) > _MOST_REFUSED:
        lines.append(f"and {len(done.refused) - _MOST_REFUSED} more that could not be run")
    return "\n".join(lines) + "\n"


def profile_json(path: Path, done: Profile) -> str:
    """The same for programs."""
    kernels = [{"op": kind, "kernel": kernel, "rows": count} for (kind, kernel), count in sorted(_counts(done).items())]
    document: dict[str, Any] = {
        "schema": 1,
        "file": str(path),
        "rows": len(done.rows),
        "added": done.added,
        "kernels": kernels,
        "refused": [{"op": layer.op.kind, "why": why} for layer, why in done.refused],
    }
    return json.dumps(document, indent=2) + "\n"


def _counts(done: Profile) -> Counter[tuple[str, str]]:
    return Counter((row.layer.op.kind, row.implementation or "-") for row in done.rows if row.layer is not None)


def emitted_text(folder: Path, emitted: Emitted, target: Target) -> str:
    """What was written, and how it becomes rows."""
    lines = [f"{escaped(str(folder))}: {len(emitted.layers)} layers for {target.name}, {emitted.arena_bytes} bytes of RAM"]
    if emitted.left_out:
        lines.append(f"{emitted.left_out} layers have no room in its flash, or no kernel")
    lines += [
        "1. add the folder to a project of your own tools (its README.md: Arduino, Zephyr, STM32Cube, ESP-IDF, Pico SDK),",
        "   serial/ included, and define MODEL_PROFILE",
        "2. fill in the hooks of serial/hwc_serial.h, call hwc_serve(), build with -O3 and flash",
        "3. run hwcost profile with the same options, --collect serial:PORT --output FILE.csv in place of --emit",
    ]
    return "\n".join(lines) + "\n"


def emitted_json(folder: Path, emitted: Emitted) -> str:
    """The same for programs."""
    layers = [{"op": layer.layer.op.kind, "kernel": layer.implementation} for layer in emitted.layers]
    document = {
        "schema": 1,
        "folder": str(folder),
        "model": emitted.model,
        "layers": layers,
        "left_out": emitted.left_out,
        "arena_bytes": emitted.arena_bytes,
    }
    return json.dumps(document, indent=2) + "\n"


def round_text(kind: str, one: Round) -> str:
    """One round of active measuring."""
    return f"{kind}: {one.known} layers known, mean error {one.error:.1%} on the next, at most {one.worst:.1%}"


def active_text(path: Path, found: Mapping[str, Active], error: float) -> str:
    """What was measured of each kind, and whether the error was reached."""
    lines = [f"{escaped(str(path))}: {sum(len(one.rows) for one in found.values())} layers"]
    for kind, one in found.items():
        last = f"{one.rounds[-1].error:.1%}" if one.rounds else "unknown"
        lines.append(f"  {kind:<24}{len(one.rows):>6} layers, mean error {last}{'' if one.reached else f', not yet {error:.1%}'}")
    return "\n".join(lines) + "\n"


def active_json(path: Path, found: Mapping[str, Active]) -> str:
    """The same for programs."""
    kinds = [
        {
            "kind": kind,
            "rows": len(one.rows),
            "reached": one.reached,
            "rounds": [{"known": each.known, "error": each.error, "worst": each.worst} for each in one.rounds],
        }
        for kind, one in found.items()
    ]
    return json.dumps({"schema": 1, "file": str(path), "kinds": kinds}, indent=2) + "\n"
