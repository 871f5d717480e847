"""``ray``: tasks of a Ray cluster that runs, by its address, or of one that is started on this machine."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from pydantic import Field

from genocc.configuration import Part
from genocc.engines.base import Engine, Job, Session
from genocc.engines.child import GRACE
from genocc.engines.command import KILLED, run
from genocc.errors import EngineError
from genocc.machine import cores

STORE = 80 << 20
"""Bytes of the object store of a cluster that is started here, through which a few texts go; Ray's least is 75 MiB."""

CONNECT = 10.0
"""Seconds that a cluster has to answer in."""


class RaySettings(Part):
    """Settings of the engine."""

    address: str | None = Field(
        default=None, description="a cluster that runs, such as auto or ray://HOST:10001; else one is started here"
    )
    num_cpus: float = Field(default=1, ge=0, description="cores per job")
    num_gpus: float | None = Field(default=None, ge=0, description="GPUs per job; one where the cluster has any")


class Ray(Engine):
    """Tasks of a Ray cluster."""

    name: ClassVar[str] = "ray"
    title: ClassVar[str] = "tasks of a Ray cluster"
    package: ClassVar[str] = "ray"
    Settings: ClassVar[type[Part]] = RaySettings

    def open(self, jobs: Sequence[Job]) -> Session:
        return RaySession(self.settings, self.jobs or len(jobs))


class RaySession(Session):
    """Tasks, each of which runs a command as a process.

    Args:
        settings: Of the engine.
        most: How many are handed over at a time; Ray begins those that it has cores and GPUs for.
    """

    def __init__(self, settings: RaySettings, most: int) -> None:
        import ray

        self._ray: Any = ray
        self.most, self._settings = most, settings
        self._running: dict[Any, Job] = {}
        self._ours = not ray.is_initialized()
        if self._ours:
            check_reachable(settings.address)
            here = {"include_dashboard": False, "object_store_memory": STORE, "num_cpus": cores()}
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            with _own_handlers():
                try:
                    ray.init(
                        address=settings.address or "local",
                        log_to_driver=False,
                        logging_level="error",
                        **({} if settings.address else here),
                    )
                except Exception as error:  # of any class: Ray's own, of sockets, of its processes
                    where = f"the cluster at {settings.address}" if settings.address else "a cluster on this machine"
                    said = " ".join(str(error).split())[:300]
                    raise EngineError(f"engine 'ray': {where} cannot be used: {said}") from None
        self._gpus = ray.cluster_resources().get("GPU", 0)

    def start(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            gpus = self._settings.num_gpus
            if gpus is None:
                gpus = min(1, self._gpus) if job.uses_gpu else 0
            task = self._ray.remote(run).options(
                num_cpus=self._settings.num_cpus, num_gpus=gpus, max_retries=0, name=job.name
            )
            self._running[task.remote(job.texts())] = job

    def wait(self) -> tuple[Job, int, str]:
        ended: list[Any] = []
        while not ended:
            ended, _ = self._ray.wait(list(self._running), num_returns=1, timeout=1)
        job = self._running.pop(ended[0])
        try:
            code, message = self._ray.get(ended[0])
            return job, int(code), message
        except Exception as error:  # of any class: of Ray, whose worker has died, or what the task raised
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            return job, KILLED, f"Ray: {(lines or [type(error).__name__])[0][:200]}; see {job.log}"

    def close(self) -> None:
        for task in self._running:
            self._ray.cancel(task)
        if self._running:
            self._ray.wait(list(self._running), num_returns=len(self._running), timeout=GRACE + 5)
            self._running.clear()
        if self._ours:
            self._ray.shutdown()


def check_reachable(address: str | None) -> None:
    """Raises EngineError where nothing answers at HOST:PORT, which Ray itself would try for minutes."""
    if address is None or not (found := re.fullmatch(r"(?:ray://)?\[?([^/]+?)\]?:([0-9]{1,5})", address)):
        return
    try:
        socket.create_connection((found[1], int(found[2])), timeout=CONNECT).close()
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise EngineError(f"engine 'ray': nothing answers at {address}: {reason}; is the cluster up?") from None


@contextmanager
def _own_handlers() -> Iterator[None]:
    """Keeps the handlers of signals, which Ray would replace."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)
