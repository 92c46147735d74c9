"""The curves of a run for TensorBoard: loss, score and the use of every limit, one run for each seed."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from hwcost.errors import InputError

if TYPE_CHECKING:
    from hwcost.nas.session import Progress


class Logbook:
    """Event files in `folder`/seed-N, written after each epoch; a run that goes on adds to them. `tensorboard --logdir` shows them.

    Use it as the `tell` of a Search, and close it at the end. Raises InputError where tensorboard is not installed.
    """

    def __init__(self, folder: str | Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise InputError("writing curves needs the package tensorboard: pip install tensorboard") from None
        self.folder = Path(folder)
        self._open = SummaryWriter
        self._writers: dict[int, Any] = {}

    def __call__(self, progress: Progress) -> None:
        """Write the curves' next points; each phase counts its own epochs."""
        if progress.seed not in self._writers:
            self._writers[progress.seed] = self._open(str(self.folder / f"seed-{progress.seed}"))
        writer = self._writers[progress.seed]
        points = {"loss": progress.loss, "score": progress.score} | {f"usage/{metric}": used for metric, used in progress.usage.items()}
        for curve, value in points.items():
            writer.add_scalar(f"{progress.phase}/{curve}", value, progress.epoch)
        writer.flush()

    def close(self) -> None:
        """Write what is left."""
        for writer in self._writers.values():
            writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
