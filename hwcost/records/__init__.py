"""Measurements as rows: what ran, how long it took, under which conditions, and who says so."""

from hwcost.records.measurement import Conditions, Layer, Measurement, Source
from hwcost.records.merging import append_records, merged, read_together, require_one_condition
from hwcost.records.networks import network_names, read_network
from hwcost.records.table import Records, read_records, write_records

__all__ = [
    "Conditions",
    "Layer",
    "Measurement",
    "Records",
    "Source",
    "append_records",
    "merged",
    "network_names",
    "read_network",
    "read_records",
    "read_together",
    "require_one_condition",
    "write_records",
]
