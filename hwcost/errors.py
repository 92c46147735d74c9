"""Everything hwcost raises on purpose, as one tree.

::

    HwcostError                   exit code 2 unless a class says otherwise
    ├─ InputError                 a quantity, limit or file from the user that cannot be used; also a ValueError
    ├─ TargetError                file, key path, what was expected
    ├─ GraphError                 node
    │  ├─ UnsupportedOpError      every unknown node at once, and the file to add
    │  └─ ShapeError              node, both shapes
    ├─ ModelError
    │  ├─ NotFittedError          also ValueError and AttributeError, as scikit-learn's is
    │  └─ NotDifferentiableError
    ├─ MeasurementError           file, row, column
    ├─ BuildError, BoardError     command, first line that matters, full log; exit code 3
    └─ BudgetError                the violations; exit code 1, because it is a verdict and not a fault

A message says what was expected, what was got, which thing it was about and the next step. Several faults are listed
together: give any of these classes the text of :func:`listed`. All of them survive pickling, so they cross processes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from hwcost.budget import Violation

__all__ = [
    "BoardError",
    "BudgetError",
    "BuildError",
    "GraphError",
    "HwcostError",
    "InputError",
    "MeasurementError",
    "ModelError",
    "NotDifferentiableError",
    "NotFittedError",
    "ShapeError",
    "TargetError",
    "UnsupportedOpError",
    "listed",
    "shown",
]


_MOST_LISTED = 50
_LONGEST_SHOWN = 60


def listed(faults: Iterable[str]) -> str:
    """One fault as it is; several counted and put on lines of their own, of which a hostile file gets no more than fifty."""
    lines = list(faults)
    if len(lines) == 1:
        return lines[0]
    rest = [f"  and {len(lines) - _MOST_LISTED} more"] if len(lines) > _MOST_LISTED else []
    return "\n".join([f"{len(lines)} faults:", *(f"  {line}" for line in lines[:_MOST_LISTED]), *rest])


def shown(value: object) -> str:
    """A value from a file or a command line as a message quotes it: escaped, and no longer than a line holds."""
    try:
        text = repr(value)
    except ValueError:  # an integer with more digits than Python agrees to print
        return f"an {type(value).__name__} too long to print"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _placed(message: str, *places: str | None) -> str:
    """The message after the places it is about, outermost first: `file: key: message`."""
    return ": ".join([place for place in places if place] + [message])


class HwcostError(Exception):
    """Anything hwcost raises on purpose; catch this to catch them all."""

    exit_code: ClassVar[int] = 2


class InputError(HwcostError, ValueError):
    """Something given by the user cannot be used: a quantity without a unit, a limit of zero, a file that is no model."""


class TargetError(HwcostError):
    """A device, core, board or runtime description is wrong or missing; `file` and `key` say where."""

    def __init__(self, message: str, *, file: str | Path | None = None, key: str | None = None) -> None:
        super().__init__(_placed(message, None if file is None else str(file), key))
        self.file = None if file is None else str(file)
        self.key = key


class GraphError(HwcostError):
    """A network cannot be read or is not one; `node` names the place where there is one."""

    def __init__(self, message: str, *, node: str | None = None) -> None:
        super().__init__(_placed(message, None if node is None else f"node '{node}'"))
        self.node = node


class UnsupportedOpError(GraphError):
    """A network uses operators hwcost does not know; `unsupported` lists every one as (node, operator)."""

    def __init__(self, unsupported: Sequence[tuple[str, str]]) -> None:
        self.unsupported = tuple((str(node), str(op)) for node, op in unsupported)
        if not self.unsupported:
            raise ValueError("UnsupportedOpError needs at least one (node, operator)")
        super().__init__(_unsupported_message(self.unsupported))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.unsupported,)


def _unsupported_message(unsupported: Sequence[tuple[str, str]]) -> str:
    what = "1 operator" if len(unsupported) == 1 else f"{len(unsupported)} operators"
    nodes = [f"  node '{node}': {op}" for node, op in unsupported]
    step = "add a class for it to a file of hwcost/ops/, or go on with --allow-unsupported (every total is then a lower bound)"
    return "\n".join([f"{what} that hwcost does not know:", *nodes, step])


class ShapeError(GraphError):
    """Two shapes do not go together; `shapes` holds both, as far as they are known."""

    def __init__(self, message: str, *, node: str | None = None, shapes: Sequence[Sequence[Any]] = ()) -> None:
        self.shapes = tuple(tuple(shape) for shape in shapes)
        got = " and ".join(str(shape) for shape in self.shapes)
        super().__init__(f"{message}; got {got}" if got else message, node=node)


class ModelError(HwcostError):
    """A latency model cannot be used as asked."""


class NotFittedError(ModelError, ValueError, AttributeError):
    """A latency model was asked to predict before it was fitted or loaded."""


class NotDifferentiableError(ModelError):
    """A gradient was asked of a model that has none; use one that says it is differentiable."""


class MeasurementError(HwcostError):
    """Measured data is wrong, or belongs to another device or runtime; `file`, `row` and `column` say where."""

    def __init__(self, message: str, *, file: str | Path | None = None, row: int | None = None, column: str | None = None) -> None:
        places = (None if file is None else str(file), None if row is None else f"row {row}", column and f"column '{column}'")
        super().__init__(_placed(message, *places))
        self.file = None if file is None else str(file)
        self.row = row
        self.column = column


class _ToolError(HwcostError):
    """What failed outside hwcost: `command`, the first `line` that matters, and where the full `log` is."""

    exit_code: ClassVar[int] = 3

    def __init__(
        self, message: str, *, command: Sequence[str] | str | None = None, line: str | None = None, log: str | Path | None = None
    ) -> None:
        self.command = command if command is None or isinstance(command, str) else " ".join(command)
        self.line = line
        self.log = None if log is None else str(log)
        details = (("command", self.command), ("said", self.line), ("full log", self.log))
        super().__init__("\n".join([message, *(f"  {name}: {value}" for name, value in details if value)]))


class BuildError(_ToolError):
    """A compiler or linker failed, or is not installed."""


class BoardError(_ToolError):
    """A board, real or emulated, did not run the image or did not answer."""


class BudgetError(HwcostError):
    """A cost is over its budget; `violations` holds every limit that was passed."""

    exit_code: ClassVar[int] = 1

    def __init__(self, violations: Sequence[Violation]) -> None:
        self.violations = tuple(violations)
        if not self.violations:
            raise ValueError("BudgetError needs at least one violation")
        super().__init__("over budget: " + "; ".join(str(violation) for violation in self.violations))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.violations,)
