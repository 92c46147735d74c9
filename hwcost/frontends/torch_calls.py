"""What one call of an exported program says, in plain Python: its name, its operands, its attributes, the line it came from.

Nothing here imports torch: the objects of the program describe themselves.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hwcost.ops.reading import Value
from hwcost.tensor import Kind

if TYPE_CHECKING:
    from torch.fx import Node as FxNode

COMPOSITE = ("torch.nn.modules.container.", "torch.nn.modules.transformer.", "torch.nn.modules.activation.MultiheadAttention")
"""torch's own modules that are several layers: a call inside them needs more than the module's path for a name."""

Operand = Value | None


def operator_name(target: Any) -> str:
    """`aten.conv2d` for any overload of it; another namespace keeps its own name."""
    schema = getattr(target, "_schema", None)
    if schema is None:
        return getattr(target, "__name__", str(target))
    return str(schema.name).replace("::", ".")


def written_as(node: FxNode) -> str:
    """The operator that the module's code called, of which this call may be a part."""
    origins = [str(origin.target) for origin in node.meta.get("from_node") or []]
    whole = next((origin for origin in origins if origin.startswith("aten.")), None)
    return operator_name(node.target) if whole is None else ".".join(whole.split(".")[:2])


def place(node: FxNode) -> str:
    """Where a call comes from: the module path of a layer (`layers.0.conv1`), else the path of the code around it and the operator."""
    path, kind = _innermost(node)
    is_layer = kind.startswith("torch.nn.modules.") and not kind.startswith(COMPOSITE)
    if is_layer and path:
        return path
    short = written_as(node).rpartition(".")[2].strip("_")
    return f"{path}.{short}" if path else short


def _innermost(node: FxNode) -> tuple[str, str]:
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    if not stack:
        return "", ""
    path, kind = stack[-1]
    return path, kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"


def operands(node: FxNode, value_of: Callable[[Any], Operand]) -> tuple[tuple[Operand, ...], dict[str, Any]]:
    """Tensor operands in the order of the operator's schema, lists of them spread out, and all else by argument name.

    Arguments the call leaves out have the schema's defaults. A number given for a tensor is an operand too.
    """
    tensors: list[Operand] = []
    attributes: dict[str, Any] = {}
    for argument, given in _arguments(node):
        kind = str(argument.type)
        if kind in {"Tensor", "Optional[Tensor]"}:
            tensors.append(value_of(given))
        elif kind in {"List[Tensor]", "List[Optional[Tensor]]"}:
            tensors.extend(value_of(item) for item in given)
        else:
            attributes[argument.name] = plain(given)
    return tuple(tensors), attributes


def _arguments(node: FxNode) -> Iterator[tuple[Any, Any]]:
    schema: Any = getattr(node.target, "_schema")  # noqa: B009 -- an OpOverload; fx types its targets as any callable
    for position, argument in enumerate(schema.arguments):
        if position < len(node.args):
            yield argument, node.args[position]
        else:
            yield argument, node.kwargs.get(argument.name, argument.default_value)


def plain(value: Any) -> Any:
    """A torch dtype or layout as its name, sequences as tuples, text as it is.

    A number is the shortest decimal of its float32, which is what every format keeps of it.
    """
    if isinstance(value, float):
        return float(str(np.float32(value)))
    if isinstance(value, list | tuple):
        return tuple(plain(item) for item in value)
    if type(value).__module__.partition(".")[0] == "torch":
        return str(value).removeprefix("torch.")
    return value


def described(tensor: Any) -> tuple[tuple[int, ...], int, Kind]:
    """Shape, bits of an element and kind of a torch tensor, real or described."""
    dtype = tensor.dtype
    name = str(dtype)
    kind: Kind = (
        "float" if dtype.is_floating_point else "bool" if name == "torch.bool" else "uint" if name.startswith("torch.uint") else "int"
    )
    return tuple(int(n) for n in tensor.shape), dtype.itemsize * 8, kind


def scalar(name: str, number: float) -> Value:
    """A number written in the module's code, as a constant without axes."""
    values = np.asarray(number, dtype=np.float32 if isinstance(number, float) else np.int64)
    kind: Kind = "float" if isinstance(number, float) else "int"
    return Value(name, (), None, values.dtype.itemsize * 8, kind, read=lambda: values)


def failed_line(error: BaseException, foreign: Sequence[Path]) -> str:
    """`file.py:12` of the module's code where tracing stopped, outside of the `foreign` folders; nothing if it stopped elsewhere."""
    walked = [(frame.filename, str(frame.lineno)) for frame in traceback.extract_tb(error.__traceback__)]
    said = re.findall(r'File "([^"]+)", line (\d+), in ', str(error))
    own = [(file, line) for file, line in [*walked, *said] if not file.startswith("<") and not _is_within(Path(file), foreign)]
    return ":".join(own[-1]) if own else ""


def _is_within(file: Path, folders: Sequence[Path]) -> bool:
    return file.name == "contextlib.py" or any(file.is_relative_to(folder) for folder in folders)
