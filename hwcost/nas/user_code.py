"""Things of the user's own, named as FILE.py:NAME: a function that makes a network, a task."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from hwcost.errors import InputError, shown


def named_object(reference: str) -> Any:
    """What NAME is in FILE.py, which is run; InputError where there is no such file or name, or where the file fails."""
    path, _, name = reference.rpartition(":")
    if not path.endswith(".py") or not name.isidentifier():
        raise InputError(f"expected FILE.py:NAME, such as model.py:make_model, got {shown(reference)}")
    if not Path(path).is_file():
        raise InputError(f"{path}: there is no such file")
    module = _run(Path(path))
    if not hasattr(module, name):
        public = ", ".join(sorted(each for each in vars(module) if not each.startswith("_"))) or "nothing"
        raise InputError(f"{path}: expected it to define {name}; it defines {public}")
    return getattr(module, name)


def _run(path: Path) -> Any:
    """The file as a module; what is beside it can be imported, as if it had been started."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path}: Python cannot load this file")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.resolve().parent))
    sys.modules.setdefault(path.stem, module)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InputError(f"{path}: running it failed: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(str(path.resolve().parent))
    return module


def made(reference: str, what: str, kind: type) -> Any:
    """What calling FILE.py:NAME without arguments gives; InputError unless it is a `kind`."""
    maker = named_object(reference)
    if not callable(maker):
        raise InputError(f"{reference}: expected a function or class that makes {what}, got {type(maker).__name__}")
    try:
        found = maker()
    except Exception as error:
        raise InputError(f"{reference}: calling it without arguments failed: {type(error).__name__}: {error}") from error
    if not isinstance(found, kind):
        raise InputError(f"{reference}: expected it to make {what}, got {type(found).__name__}")
    return found
