"""What a profile measured, in words and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwcost.report.names import escaped

if TYPE_CHECKING:
    from hwcost.measure.profiling import Profile

__all__ = ["profile_json", "profile_text"]

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
