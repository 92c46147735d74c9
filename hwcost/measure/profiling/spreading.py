"""Jobs over the processes of this machine, or over a Dask cluster; results as they come."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal

from hwcost.errors import InputError
from hwcost.measure.profiling.work import Done, Job, run_job

__all__ = ["Backend", "spread"]


@dataclass(frozen=True, slots=True)
class Backend:
    """Where jobs run: `workers` processes of this machine, or the cluster of a Dask scheduler."""

    name: Literal["joblib", "dask"] = "joblib"
    scheduler: str | None = None
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)

    def __post_init__(self) -> None:
        """A cluster has an address, this machine has none."""
        if (self.name == "dask") != (self.scheduler is not None):
            raise InputError("--backend dask and --scheduler ADDRESS go together: the address says where the cluster is")


def spread(jobs: Sequence[Job], backend: Backend) -> Iterator[Done]:
    """Results in the order in which they are done. InputError where the libraries or the cluster are not there."""
    if not jobs:
        return
    if backend.workers == 1 and backend.name == "joblib":
        yield from map(run_job, jobs)
        return
    joblib = _joblib()
    with _context(backend) as workers, joblib.parallel_config(backend="dask" if backend.name == "dask" else "loky", n_jobs=workers):
        yield from joblib.Parallel(return_as="generator_unordered", batch_size=1)(joblib.delayed(run_job)(job) for job in jobs)


def _joblib() -> Any:
    try:
        import joblib
    except ImportError as error:
        raise InputError("profiling in parallel needs joblib: pip install 'hwcost[fit]', or add --jobs 1") from error
    return joblib


def _context(backend: Backend) -> AbstractContextManager[int]:
    """How many jobs may run at once, while the connection to the cluster is open."""
    return nullcontext(backend.workers) if backend.name == "joblib" else _Cluster(str(backend.scheduler))


class _Cluster(AbstractContextManager[int]):
    """A connection to a Dask scheduler; as many jobs at once as its workers have threads."""

    def __init__(self, address: str) -> None:
        self._address = address

    def __enter__(self) -> int:
        try:
            from dask.distributed import Client
        except ImportError as error:
            raise InputError("--backend dask needs dask and distributed: pip install 'hwcost[cluster]'") from error
        try:
            client: Any = Client(self._address, timeout=20)
        except (OSError, ValueError) as error:
            raise InputError(f"no Dask scheduler answers at {self._address}: {error}") from error
        self._client = client
        threads: int = sum(client.nthreads().values())
        return max(1, threads)

    def __exit__(self, *_: object) -> None:
        self._client.close()
