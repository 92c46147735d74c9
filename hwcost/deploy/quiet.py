"""Silence for libraries that talk: what they log, print and warn of is no answer to what was asked."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No log records below CRITICAL, no warnings and nothing printed inside; all as it was after."""
    before, handlers, level = logging.root.manager.disable, logging.root.handlers[:], logging.root.level
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
        logging.root.handlers[:] = handlers  # a library that configures logging when it is imported does it for everybody
        logging.root.setLevel(level)
