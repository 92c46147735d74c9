"""A C project of a program: its layers as calls, its constants, the kernels it needs, and how to build it."""

from hwcost.deploy.emit.calls import Call, calls
from hwcost.deploy.emit.folder import MANIFEST
from hwcost.deploy.emit.project import Project, emit

__all__ = ["MANIFEST", "Call", "Project", "calls", "emit"]
