"""How fast a derived net runs on every backend, side by side on one machine.

The backends take turns for several rounds, so that a machine that speeds up or slows down treats all alike. Each is
made, warmed, timed and taken down again before the next begins: the waiting threads of an ONNX Runtime session that is
merely alive slow down everything else.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import onnx
import onnxruntime
import torch

from genocc.errors import TargetError
from genocc.genotype import Genotype
from genocc.machine import cores, machine
from genocc.network import NetworkConfig
from genocc.runtimes import MAX_BATCH
from genocc.runtimes.table import ALL, runtime
from genocc.threads import OtherPrograms, user_setting

from .backends import Backend, Images, Infer, Preparation, Workload, all_backends

REFERENCE = "traced"
"""The backend that ratios refer to: what one has without genocc."""


@dataclass(frozen=True)
class Timing:
    """One backend at one batch size.

    Attributes:
        latency: Median time of one run, in seconds.
        throughput: Images per second.
        speedup: Over the traced path at the same batch size; None where that was not timed.
    """

    backend: str
    batch: int
    latency: float
    throughput: float
    speedup: float | None


@dataclass(frozen=True)
class Benchmark:
    """The result of `benchmark`.

    Attributes:
        genotype: Its name.
        config: The network around it.
        machine: The processor and the number of its cores that can be used.
        threads: Of PyTorch and ONNX Runtime alike. They spin while they wait, as both do by default.
        provider: Where the net ran.
        versions: Of the libraries.
        backends: What was timed.
        timings: Per batch size and backend.
        waiting: The user's settings of how PyTorch's threads wait; empty: the default.
        other_programs: Cores that other programs took, on average, during the timing; None where the system does not
            say it. Figures from a busy machine say little.
    """

    genotype: str
    config: NetworkConfig
    machine: str
    threads: int
    provider: str
    versions: dict[str, str]
    backends: tuple[Backend, ...]
    timings: tuple[Timing, ...]
    waiting: str = ""
    other_programs: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data for ``--json``."""
        return {
            "genotype": self.genotype,
            "network": self.config.model_dump(mode="json"),
            "machine": self.machine,
            "threads": self.threads,
            "provider": self.provider,
            "versions": self.versions,
            "backends": [backend.to_dict() for backend in self.backends],
            "timings": [asdict(timing) for timing in self.timings],
            "waiting": self.waiting or "default",
            "other_programs": self.other_programs,
        }


def benchmark(
    genotype: Genotype,
    config: NetworkConfig | None = None,
    *,
    backends: Sequence[str] | None = None,
    runtimes: Sequence[str] = (),
    batches: Sequence[int] = (1, 16),
    rounds: int = 7,
    threads: int | None = None,
    provider: str = "cpu",
    weights: Mapping[str, Any] | str | Path | None = None,
    seed: int | None = None,
    note: Callable[[str], None] = lambda message: None,
) -> Benchmark:
    """Times a genotype's net.

    Args:
        genotype: The cells.
        config: The network around them.
        backends: Keys of `all_backends`; all whose runtimes are available and not slow where not given.
        runtimes: Names of runtimes instead: their backends.
        batches: Batch sizes.
        rounds: How often the backends take turns; at each turn one runs for about a third of a second.
        threads: Of PyTorch and ONNX Runtime alike; one for each core where not given.
        provider: ``cpu`` or ``cuda``, for both.
        weights: As for `genocc.compile`.
        seed: As for `genocc.compile`.
        note: Told what is going on.

    Raises:
        TargetError: A backend or a provider does not exist here, or a number is not positive.
    """
    threads = cores() if threads is None else threads
    numbers = [
        ("--rounds", rounds, 1_000),
        ("--threads", threads, 1_024),
        *(("--batch", n, MAX_BATCH) for n in batches),
    ]
    for option, number, most in numbers:
        if not 1 <= number <= most:
            raise TargetError(f"{option} {number}: expected 1 to {most:,}")
    known = all_backends()
    names = _names(known, backends, runtimes, provider, note)
    config = config or NetworkConfig()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        load = Workload(genotype, config, weights, seed, threads, provider)
        prepared = []
        for name in names:
            note(f"preparing {name}")
            prepared.append(known[name](load))
        timings: list[Timing] = []
        others = OtherPrograms()
        for batch in batches:
            note(f"timing batch {batch}")
            timings += _timings(prepared, load.random_images(batch), rounds)
        taken = others.cores()
    finally:
        torch.set_num_threads(before)
    versions = {"torch": torch.__version__, "onnxruntime": onnxruntime.__version__, "onnx": onnx.__version__}
    table = {known[name].runtime: runtime(known[name].runtime) for name in names}
    own = {name: one.version() for name, one in table.items() if name not in _VERSIONED}
    versions |= {name: version for name, version in own.items() if version}
    return Benchmark(
        genotype.name, config, machine(), threads, provider, versions, tuple(prepared), tuple(timings),
        user_setting(), taken,
    )  # fmt: skip


_VERSIONED = ("eager", "inductor", "onnxruntime", "reference")


def _names(
    known: Mapping[str, Preparation],
    backends: Sequence[str] | None,
    names: Sequence[str],
    provider: str,
    note: Callable[[str], None],
) -> list[str]:
    """The backends that are timed; TargetError where one that was named does not exist or is not available."""
    if backends and names:
        raise TargetError("--runtime and --backend exclude each other; give one of them")
    if unknown := [name for name in backends or () if name not in known]:
        raise TargetError(f"unknown backend '{unknown[0]}'; expected some of {', '.join(known)}")
    asked = ALL not in names and [runtime(name).name for name in names]
    chosen = list(backends) if backends else [name for name, one in known.items() if not asked or one.runtime in asked]
    found = []
    for name in chosen:
        one = runtime(known[name].runtime)
        reason = one.lacks(provider) if provider in one.providers else f"it does not run on {provider}"
        if reason and (backends or asked):
            raise TargetError(f"backend {name}: {reason}")
        if not reason and (backends or names or not one.slow):
            found.append(name)
        elif reason:
            note(f"{name} is left out: {reason}")
    return found


def _timings(backends: Sequence[Backend], images: Images, rounds: int) -> Iterator[Timing]:
    seconds: dict[str, list[float]] = {backend.name: [] for backend in backends}
    for number in range(rounds):
        start = number % len(backends)
        for backend in [*backends[start:], *backends[:start]]:
            with backend.session() as infer:
                seconds[backend.name] += samples(infer, images)
            gc.collect()
    latency = {name: median(samples) for name, samples in seconds.items()}
    for name, own in latency.items():
        reference = latency.get(REFERENCE)
        yield Timing(name, len(images), own, len(images) / own, reference / own if reference else None)


def samples(infer: Infer, images: Images, budget: float = 0.35) -> list[float]:
    """Returns the seconds of at least three runs, and of as many as the budget holds, after three that only warm."""
    for _ in range(3):
        infer(images)
    seconds: list[float] = []
    while len(seconds) < 3 or sum(seconds) < budget:
        start = time.perf_counter()
        infer(images)
        seconds.append(time.perf_counter() - start)
    return seconds
