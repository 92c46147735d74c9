"""Does this network fit that microcontroller? Latency, RAM, flash and energy of a network on a described device.

::

    import hwcost

    target = hwcost.Target.load("stm32l4r5", runtime="tflm-cmsis-nn")
    budget = hwcost.Budget(latency_s=0.2, ram_bytes=64 * 1024, flash_bytes=128 * 1024)
    report = hwcost.check("model.onnx", target, budget)

The names below are loaded on first use, so importing hwcost imports neither torch nor pandas, scikit-learn, onnx or numpy.
No module of the package has the name of a public function (`hwcost.check` is the function; it lives in `checking`): importing a
submodule binds its name here, and would put the module in the function's place.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hwcost.budget import Budget, Violation
    from hwcost.checking import Report, check
    from hwcost.cost import Cost
    from hwcost.errors import (
        BoardError,
        BudgetError,
        BuildError,
        GraphError,
        HwcostError,
        InputError,
        MeasurementError,
        ModelError,
        NotDifferentiableError,
        NotFittedError,
        ShapeError,
        TargetError,
        UnsupportedOpError,
    )
    from hwcost.frontends.from_onnx import from_onnx
    from hwcost.frontends.from_torch import from_torch
    from hwcost.graph import Graph, Node, Parameter
    from hwcost.target import Device, Runtime, Target
    from hwcost.tensor import Quantisation, TensorSpec

__version__ = "0.1.0"

_HOME = {
    "BoardError": "errors",
    "Budget": "budget",
    "BudgetError": "errors",
    "BuildError": "errors",
    "Cost": "cost",
    "Device": "target",
    "Graph": "graph",
    "GraphError": "errors",
    "HwcostError": "errors",
    "InputError": "errors",
    "MeasurementError": "errors",
    "ModelError": "errors",
    "Node": "graph",
    "NotDifferentiableError": "errors",
    "NotFittedError": "errors",
    "Parameter": "graph",
    "Quantisation": "tensor",
    "Report": "checking",
    "Runtime": "target",
    "ShapeError": "errors",
    "Target": "target",
    "TargetError": "errors",
    "TensorSpec": "tensor",
    "UnsupportedOpError": "errors",
    "Violation": "budget",
    "check": "checking",
    "from_onnx": "frontends.from_onnx",
    "from_torch": "frontends.from_torch",
}
"""Where each public name lives, below `hwcost`."""

__all__ = [
    "BoardError",
    "Budget",
    "BudgetError",
    "BuildError",
    "Cost",
    "Device",
    "Graph",
    "GraphError",
    "HwcostError",
    "InputError",
    "MeasurementError",
    "ModelError",
    "Node",
    "NotDifferentiableError",
    "NotFittedError",
    "Parameter",
    "Quantisation",
    "Report",
    "Runtime",
    "ShapeError",
    "Target",
    "TargetError",
    "TensorSpec",
    "UnsupportedOpError",
    "Violation",
    "__version__",
    "check",
    "from_onnx",
    "from_torch",
]


def __getattr__(name: str) -> object:
    """The public name, imported now and kept for next time."""
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'hwcost' has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted({*globals(), *__all__})
