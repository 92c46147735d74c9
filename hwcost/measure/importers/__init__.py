"""Other tools' logs as measurements: one reader a format, and the checks and joins that all of them share."""

from hwcost.measure.importers.importing import IMPORTERS, Imported, import_log
from hwcost.measure.importers.log import Entry, Importer, Log, Options

__all__ = ["IMPORTERS", "Entry", "Imported", "Importer", "Log", "Options", "import_log"]
