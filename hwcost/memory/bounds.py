"""What no plan can undercut: the most that is live at once, alignment included."""

from __future__ import annotations

import math
from collections.abc import Sequence
from heapq import heappop, heappush

from hwcost.memory.buffers import Buffer
from hwcost.sizes import round_up


def live_bound(buffers: Sequence[Buffer]) -> int:
    """The most bytes any plan needs during one step: sizes rounded up to what divides every alignment, but for the buffer on top.

    Buffers are met in the order they start. One that shares a step with those met before raises the need by its own size at
    least, so that the need may be looked at after each of them.
    """
    alignment = math.gcd(*(buffer.alignment for buffer in buffers))
    bound = live = 0
    ending: list[tuple[int, int]] = []
    paddings: list[tuple[int, int]] = []
    for buffer in sorted(buffers, key=lambda b: b.start):
        while ending and ending[0][0] <= buffer.start:
            live -= heappop(ending)[1]
        rounded = round_up(buffer.size_bytes, alignment)
        live += rounded
        heappush(ending, (buffer.stop, rounded))
        heappush(paddings, (buffer.size_bytes - rounded, buffer.stop))
        while paddings[0][1] <= buffer.start:
            heappop(paddings)
        bound = max(bound, live + paddings[0][0])
    return bound
