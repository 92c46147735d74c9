"""Fitted models as files: plain JSON that anybody can read, written whole or not at all, read as strangers' files are.

A file is `{"schema", "kind", "checksum", "about", "parameters"}`. The checksum is of everything else: a coefficient that somebody
changed by hand is no longer what the stated errors were found with.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from hwcost.errors import MeasurementError, listed, shown
from hwcost.latency.fitted import About, FittedModel
from hwcost.shipped import measurements_folder
from hwcost.target.build import build
from hwcost.target.read import adapter
from hwcost.toml_files import read_bounded

__all__ = ["KINDS", "MAX_BYTES", "SCHEMA", "model_class", "model_text", "read_model", "write_model"]

SCHEMA = 1
MAX_BYTES = 16 * 2**20
KINDS = {
    "linear": ("hwcost.latency.linear", "LinearModel"),
    "residual": ("hwcost.latency.residual", "ResidualModel"),
    "lookup": ("hwcost.latency.lookup", "LookupModel"),
    "calibrated": ("hwcost.latency.calibrated", "CalibratedModel"),
}
"""Where the class of each kind of model lives; it is loaded when a file of the kind is read."""

_KEYS = ("schema", "kind", "checksum", "about", "parameters")


def read_model(path: str | Path) -> FittedModel:
    """The fitted model in a file. Raises MeasurementError with what is wrong with it."""
    path = Path(path)
    table = _table(path)
    cls = model_class(str(table["kind"]), path)
    if table["checksum"] != _checksum(table):
        raise _fault(path, "expected the content its checksum is of, got another: it was changed after it was fitted; fit it anew")
    return cls.of(_part(About, table["about"], "about", path), _part(cls.Parameters, table["parameters"], "parameters", path))


def write_model(path: str | Path, model: FittedModel) -> None:
    """Write a model beside the old one and put it in its place when it is whole. Raises MeasurementError where that fails."""
    path, text = Path(path), model_text(model)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="utf-8", delete=False, suffix=".partial") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).chmod(0o644)
        Path(file.name).replace(path)
    except OSError as error:
        raise _fault(path, f"expected a place to write a latency model to, got: {error.strerror or error}") from None


def model_text(model: FittedModel) -> str:
    """The file of a model."""
    parts = {"about": model.about, "parameters": model.parameters}
    dumped = {name: adapter(type(part)).dump_python(part, mode="json", exclude_defaults=True) for name, part in parts.items()}
    table = {"schema": SCHEMA, "kind": model.kind, **dumped}
    whole = {"schema": SCHEMA, "kind": model.kind, "checksum": _checksum(table), **dumped}
    return json.dumps(whole, indent=1, allow_nan=False) + "\n"


def model_class(kind: str, path: str | Path | None = None) -> type[FittedModel]:
    """The class of a kind of model. Raises MeasurementError for a kind that this version does not know."""
    if kind not in KINDS:
        raise MeasurementError(f"expected a model of a kind out of {', '.join(KINDS)}, got {shown(kind)}", file=path)
    module, name = KINDS[kind]
    found: type[FittedModel] = getattr(import_module(module), name)
    return found


def _table(path: Path) -> dict[str, Any]:
    content = read_bounded(path, "a fitted latency model in JSON", MAX_BYTES, lambda message: _fault(path, message))
    try:
        table: Any = json.loads(content.decode("utf-8"), parse_constant=_refuse_constant)
    except RecursionError:
        raise _fault(path, "expected a fitted latency model, got JSON nested too deeply to read") from None
    except ValueError as error:
        raise _fault(path, f"expected a fitted latency model in JSON, got a file that is none or was cut off: {error}") from None
    schema = table.get("schema") if isinstance(table, dict) else None
    if not isinstance(schema, int) or isinstance(schema, bool):
        raise _fault(path, "expected a fitted latency model, a JSON object with a whole number as 'schema', got none")
    if schema != SCHEMA:
        age = "newer" if schema > SCHEMA else "older"
        raise _fault(path, f"expected a model of schema {SCHEMA}, got schema {shown(schema)}, of a {age} hwcost; fit it anew with this one")
    missing, unknown = [key for key in _KEYS if key not in table], [key for key in table if key not in _KEYS]
    if missing or unknown:
        found = [f"missing {', '.join(missing)}"] * bool(missing) + [f"unknown {', '.join(map(shown, unknown[:5]))}"] * bool(unknown)
        raise _fault(path, f"expected the keys {', '.join(_KEYS)}, got {' and '.join(found)}")
    known: dict[str, Any] = table
    return known


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is no number a model may hold")


def _part(kind: type[Any], table: Any, name: str, path: Path) -> Any:
    """One of the two tables as a noun, with every fault it has; what comes with hwcost is validated by its tests."""
    if path.is_relative_to(measurements_folder()):
        return build(kind, table)
    from pydantic import ValidationError

    from hwcost.target.faults import describe

    try:
        return adapter(kind).validate_python(table)
    except ValidationError as error:
        raise _fault(path, listed(describe(error, adapter(kind).json_schema(), name))) from None


def _checksum(table: Mapping[str, Any]) -> str:
    kept = {key: value for key, value in table.items() if key != "checksum"}
    try:
        text = json.dumps(kept, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except ValueError:  # 1e999 reads as infinity
        return ""
    return hashlib.sha256(text.encode()).hexdigest()


def _fault(path: Path, message: str) -> MeasurementError:
    return MeasurementError(message, file=path)
