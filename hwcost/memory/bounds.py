"""What no plan can undercut: the most that is live at once, alignment included."""

from __future__ import annotations

from collections.abc import Sequence

from hwcost.memory.buffers import Buffer
from hwcost.sizes import round_up


def live_bound(buffers: Sequence[Buffer]) -> int:
    """The most bytes any plan needs during one step: sizes rounded up to their alignment, but for the buffer on top."""
    return max((_step_bound([b for b in buffers if b.start <= step < b.stop]) for step in {b.start for b in buffers}), default=0)


def _step_bound(live: Sequence[Buffer]) -> int:
    alignment = min((buffer.alignment for buffer in live), default=1)
    rounded: list[int] = [round_up(buffer.size_bytes, alignment) for buffer in live]
    padding = [high - buffer.size_bytes for high, buffer in zip(rounded, live, strict=True)]
    return sum(rounded) - max(padding, default=0)
