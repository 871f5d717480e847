"""How fast a derived net runs on every backend, side by side on one machine.

The backends take turns for several rounds, so that a machine that speeds up or slows down treats all alike. Each is
made, warmed, timed and taken down again before the next begins: the waiting threads of an ONNX Runtime session that is
merely alive slow down everything else.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray

from genocc.errors import TargetError
from genocc.genotype import Genotype
from genocc.machine import cores, machine
from genocc.network import NetworkConfig
from genocc.runtimes import MAX_BATCH
from genocc.runtimes.table import ALL, runtime
from genocc.threads import OtherPrograms, user_setting

from ..timing import samples
from .backends import Backend, Images, Infer, Preparation, Workload, all_backends

TESTED = 1000
"""The most test images that accuracies are measured on."""
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
class RowAccuracy:
    """What one backend makes of labelled images.

    Attributes:
        top1: Its accuracy.
        agreement: Share of the images for which it names the class that the plain net in PyTorch names, in float32.
    """

    top1: float
    agreement: float


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
        data: Name of the data set, and ``images``, the number of its test images that accuracies are of; None where
            no data are given.
        images: See ``data``.
        accuracies: Per backend.
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
    data: str | None = None
    images: int = 0
    accuracies: Mapping[str, RowAccuracy] = field(default_factory=dict)

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
            "data": self.data,
            "images": self.images,
            "accuracies": {name: asdict(found) for name, found in self.accuracies.items()},
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
    data: str | None = None,
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
        data: Images that int8 is calibrated on, and 1,000 test images that each backend's accuracy is measured on, as
            `genocc compile --calibrate` takes them; without them int8 is calibrated on noise.
        note: Told what is going on.

    Raises:
        TargetError: A backend or a provider does not exist here, or a number is not positive.
        DataError: The images cannot be used, or are not those of the net's classes.
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
        load = Workload(genotype, config, weights, seed, threads, provider, data)
        images, labels = _labelled(load)
        if load.calibration and load.calibration.remark:
            note(load.calibration.remark)
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
        accuracies = _accuracies(load, prepared, images, labels, note) if len(labels) else {}
    finally:
        torch.set_num_threads(before)
    versions = {"torch": torch.__version__, "onnxruntime": onnxruntime.__version__, "onnx": onnx.__version__}
    table = {known[name].runtime: runtime(known[name].runtime) for name in names}
    own = {name: one.version() for name, one in table.items() if name not in _VERSIONED}
    versions |= {name: version for name, version in own.items() if version}
    return Benchmark(
        genotype.name, config, machine(), threads, provider, versions, tuple(prepared), tuple(timings),
        user_setting(), taken, load.calibration.data.name if load.calibration else None, len(labels), accuracies,
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
        reason = reason or known[name].lacks()
        if reason and (backends or asked):
            raise TargetError(f"backend {name}: {reason}")
        if not reason and (backends or names or not one.slow):
            found.append(name)
        elif reason:
            note(f"{name} is left out: {reason}")
    return found


def _labelled(load: Workload) -> tuple[list[Images], NDArray[Any]]:
    """Batches of test images, and all their labels; none without data."""
    found = list(load.calibration.held_out(limit=TESTED)) if load.calibration else []
    return [images for images, _ in found], np.concatenate([np.zeros(0, np.int64), *(labels for _, labels in found)])


def _accuracies(
    load: Workload,
    backends: Sequence[Backend],
    images: Sequence[Images],
    labels: NDArray[Any],
    note: Callable[[str], None],
) -> dict[str, RowAccuracy]:
    """Of each backend, beside the plain net in PyTorch."""
    note(f"measuring accuracies on {len(labels):,} images")
    plain = load.eager()
    with torch.inference_mode():
        expected = _classes(lambda part: plain(torch.from_numpy(part).to(load.device)), images)
    result = {}
    for backend in backends:
        with backend.session() as infer:
            found = _classes(infer, images)
        result[backend.name] = RowAccuracy(float((found == labels).mean()), float((found == expected).mean()))
        gc.collect()
    return result


def _classes(infer: Infer, images: Sequence[Images]) -> NDArray[Any]:
    found = []
    for part in images:
        outputs: Any = infer(part)
        outputs = outputs[0] if isinstance(outputs, list) else outputs  # as ONNX Runtime's sessions return them
        found.append((outputs.cpu().numpy() if isinstance(outputs, torch.Tensor) else outputs).argmax(1))
    return np.concatenate(found)


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
