"""The layers of networks that whole-network measurements name, so that they can be priced without a model file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hwcost.errors import MeasurementError, listed
from hwcost.records.cells import known_attributes
from hwcost.records.measurement import Layer
from hwcost.records.table import layer_of, read_table
from hwcost.shipped import measurements_folder

__all__ = ["network_names", "read_network"]

_COLUMNS = ("name", "op", "input_shapes", "output_shape", "bits", "weight_bits")


def network_names() -> tuple[str, ...]:
    """Networks whose layers are described, in alphabetical order."""
    return tuple(sorted(path.stem for path in _folder().glob("*.csv")))


def read_network(name: str) -> Mapping[str, Layer]:
    """The layers of a described network by name, in execution order; MeasurementError for one that is not described."""
    known = network_names()
    if name not in known:
        raise MeasurementError(f"expected a described network out of {', '.join(known)}, got '{name[:60]}'")
    path = _folder() / f"{name}.csv"
    _, rows = read_table(path, (*_COLUMNS, *sorted(known_attributes())), ("name", "op", "input_shapes"))
    layers = {row.cells["name"]: layer_of(row) for row in rows}
    faults = [fault for row in rows for fault in row.faults]
    if len(layers) != len(rows):
        faults.append("column 'name': expected each layer to be named once")
    if faults:
        raise MeasurementError(listed(faults), file=path)
    return {key: layer for key, layer in layers.items() if layer is not None}


def _folder() -> Path:
    return measurements_folder() / "networks"
