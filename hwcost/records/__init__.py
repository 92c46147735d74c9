"""Measurements as rows: what ran, how long it took, under which conditions, and who says so."""

from hwcost.records.measurement import Conditions, Layer, Measurement, Source
from hwcost.records.networks import network_names, read_network
from hwcost.records.table import Records, read_records, write_records

__all__ = [
    "Conditions",
    "Layer",
    "Measurement",
    "Records",
    "Source",
    "network_names",
    "read_network",
    "read_records",
    "write_records",
]
