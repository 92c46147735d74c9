"""Which kernel of a runtime a layer takes, and what that kernel asks for."""

from hwcost.kernels.choose import Kernel, choose
from hwcost.kernels.facts import facts

__all__ = ["Kernel", "choose", "facts"]
