"""How fast a derived net runs, by every way to run it, side by side on one machine.

The ways take turns for several rounds, so that a machine that speeds up or slows down treats all alike. Each is made,
warmed, timed and taken down again before the next begins: the waiting threads of an ONNX Runtime session that is
merely alive slow down everything else.
"""

from __future__ import annotations

import gc
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from math import prod
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import nn

from genocc.compiler import CompiledNet, compile_net
from genocc.counting import cost
from genocc.errors import TargetError
from genocc.genotype import Genotype
from genocc.graph import Graph
from genocc.network import NetworkConfig
from genocc.nn.graph_module import graph_module
from genocc.nn.inference_net import PASSES, InferenceNet
from genocc.runtimes.onnx_runtime import PROVIDERS
from genocc.runtimes.torch import torch_device

from ..onnx import OnnxExporter, check
from .tracing import trace

Run = Callable[[NDArray[np.float32]], object]

REFERENCE = "traced"
"""The way that ratios refer to: what one has without genocc."""


@dataclass(frozen=True)
class Timing:
    """One way at one batch size.

    Attributes:
        latency: Median time of one run, in seconds.
        throughput: Images a second.
        speedup: Over the traced path at the same batch size; None where that was not timed.
    """

    way: str
    batch: int
    latency: float
    throughput: float
    speedup: float | None


@dataclass(frozen=True)
class Way:
    """A way to run the net.

    Attributes:
        name: Short and unique.
        about: What it is.
        prepare_seconds: From the genotype's net to what `opened` loads (export, or compilation of ours).
        file_bytes: Of the ONNX file; None where there is none.
        nodes: Operators in that file.
        parameters: Numbers in the weights that it loads, running statistics included where they are not folded.
        macs: For one image; None for files that were traced.
        opened: Context in which the net can be run; it is loaded on entry and gone on exit.
    """

    name: str
    about: str
    opened: Callable[[], Any] = field(repr=False)
    prepare_seconds: float | None = None
    file_bytes: int | None = None
    nodes: int | None = None
    parameters: int | None = None
    macs: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data."""
        return {name: value for name, value in self.__dict__.items() if name != "opened"}


@dataclass(frozen=True)
class Benchmark:
    """The result of `benchmark`."""

    genotype: str
    config: NetworkConfig
    machine: str
    threads: int
    provider: str
    versions: dict[str, str]
    ways: tuple[Way, ...]
    timings: tuple[Timing, ...]

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data for ``--json``."""
        return {
            "genotype": self.genotype,
            "network": self.config.model_dump(mode="json"),
            "machine": self.machine,
            "threads": self.threads,
            "provider": self.provider,
            "versions": self.versions,
            "ways": [way.to_dict() for way in self.ways],
            "timings": [asdict(timing) for timing in self.timings],
        }


def benchmark(
    genotype: Genotype,
    config: NetworkConfig | None = None,
    *,
    ways: Sequence[str] | None = None,
    batches: Sequence[int] = (1, 16),
    rounds: int = 7,
    threads: int | None = None,
    provider: str = "cpu",
    weights: Mapping[str, Any] | str | Path | None = None,
    seed: int = 0,
    note: Callable[[str], None] = lambda message: None,
) -> Benchmark:
    """Times a genotype's net.

    Args:
        genotype: The cells.
        config: The network around them.
        ways: Keys of ``WAYS``; all but the slow ``torch-compile`` where not given.
        batches: Batch sizes.
        rounds: How often the ways take turns; at each turn a way runs for about a third of a second.
        threads: Of PyTorch and ONNX Runtime alike; one for each core where not given.
        provider: ``cpu`` or ``cuda``, for both.
        weights: As for `genocc.compile`.
        seed: As for `genocc.compile`.
        note: Told what is going on.

    Raises:
        TargetError: A way or a provider does not exist here, or a number is not positive.
    """
    threads = _cores() if threads is None else threads
    numbers = [("--rounds", rounds, 1_000), ("--threads", threads, 1_024), *(("--batch", n, 65_536) for n in batches)]
    for option, number, most in numbers:
        if not 1 <= number <= most:
            raise TargetError(f"{option} {number}: expected 1 to {most:,}")
    names = list(ways) if ways else [name for name in WAYS if name != "torch-compile"]
    if unknown := [name for name in names if name not in WAYS]:
        raise TargetError(f"unknown way '{unknown[0]}'; expected some of {', '.join(WAYS)}")
    config = config or NetworkConfig()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        subject = _Subject(genotype, config, weights, seed, threads, provider)
        made = []
        for name in names:
            note(f"preparing {name}")
            made.append(WAYS[name](subject))
        timings: list[Timing] = []
        for batch in batches:
            note(f"timing batch {batch}")
            timings += _timings(made, batch, config, rounds)
    finally:
        torch.set_num_threads(before)
    versions = {"torch": torch.__version__, "onnxruntime": onnxruntime.__version__, "onnx": onnx.__version__}
    return Benchmark(genotype.name, config, machine(), threads, provider, versions, tuple(made), tuple(timings))


def machine() -> str:
    """Returns what figures depend on: the processor and the number of its cores that can be used."""
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {_cores()} cores"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass
class _Subject:
    """What all ways run: one net with one set of weights."""

    genotype: Genotype
    config: NetworkConfig
    weights: Mapping[str, Any] | str | Path | None
    seed: int
    threads: int
    provider: str

    def __post_init__(self) -> None:
        if PROVIDERS.get(self.provider) not in onnxruntime.get_available_providers():
            raise TargetError(f"provider {self.provider}: this ONNX Runtime has none; try cpu")
        self.device = torch_device(self.provider)

    def net(self, passes: Sequence[str] = ()) -> CompiledNet:
        return compile_net(self.genotype, self.config, weights=self.weights, seed=self.seed, passes=passes)

    @cached_property
    def plain(self) -> CompiledNet:
        """The net as the reference programs have it: nothing shared, nothing folded."""
        return self.net()

    def eager(self) -> nn.Module:
        return graph_module(self.plain.graph, dict(self.plain.parameters)).eval().to(self.device)

    def random_images(self, batch: int) -> NDArray[np.float32]:
        shape = (batch, self.config.input_channels, *self.config.input_size)
        return np.random.default_rng(0).standard_normal(shape, np.float32)


def _timings(ways: Sequence[Way], batch: int, config: NetworkConfig, rounds: int) -> Iterator[Timing]:
    shape = (batch, config.input_channels, *config.input_size)
    images = np.random.default_rng(0).standard_normal(shape, np.float32)
    seconds: dict[str, list[float]] = {way.name: [] for way in ways}
    for number in range(rounds):
        start = number % len(ways)
        for way in [*ways[start:], *ways[:start]]:
            with way.opened() as run:
                seconds[way.name] += _samples(run, images)
            gc.collect()
    latency = {name: median(samples) for name, samples in seconds.items()}
    for way in ways:
        own, reference = latency[way.name], latency.get(REFERENCE)
        yield Timing(way.name, batch, own, batch / own, reference / own if reference else None)


def _samples(run: Run, images: NDArray[np.float32], budget: float = 0.35) -> list[float]:
    for _ in range(3):
        run(images)
    samples: list[float] = []
    while len(samples) < 3 or sum(samples) < budget:
        start = time.perf_counter()
        run(images)
        samples.append(time.perf_counter() - start)
    return samples


# The ways: one entry each.


def _torch_way(
    name: str, about: str, subject: _Subject, make: Callable[[], tuple[Callable[[torch.Tensor], object], Graph]]
) -> Way:
    start = time.perf_counter()
    net, graph = make()
    seconds = time.perf_counter() - start

    @contextmanager
    def opened() -> Iterator[Run]:
        def run(images: NDArray[np.float32]) -> None:
            with torch.inference_mode():
                net(torch.from_numpy(images).to(subject.device))
            if subject.device.type == "cuda":
                torch.cuda.synchronize(subject.device)

        yield run

    stored = sum(map(prod, [*graph.parameters().values(), *graph.buffers().values()]))
    return Way(name, about, opened, seconds, parameters=stored, macs=cost(graph.nodes.values()).macs)


def _eager(subject: _Subject) -> Way:
    return _torch_way(
        "eager", "PyTorch, NCHW, as the reference programs", subject, lambda: (subject.eager(), subject.plain.graph)
    )


def _channels_last(subject: _Subject) -> Way:
    def make() -> tuple[Callable[[torch.Tensor], object], Graph]:
        net = subject.eager().to(memory_format=torch.channels_last)
        return lambda x: net(x.contiguous(memory_format=torch.channels_last)), subject.plain.graph

    return _torch_way("channels-last", "the same in channels_last", subject, make)


def _torch_compile(subject: _Subject) -> Way:
    def make() -> tuple[Callable[[torch.Tensor], object], Graph]:
        net = torch.compile(subject.eager())
        with torch.inference_mode():
            net(torch.from_numpy(subject.random_images(1)).to(subject.device))
        return net, subject.plain.graph

    return _torch_way("torch-compile", "the same through torch.compile (default mode)", subject, make)


def _inference_net(subject: _Subject) -> Way:
    def make() -> tuple[Callable[[torch.Tensor], object], Graph]:
        net = subject.net(PASSES)
        return InferenceNet(net, subject.device), net.graph

    return _torch_way("genocc-torch", "genocc's optimized PyTorch net", subject, make)


def _onnx_way(name: str, about: str, subject: _Subject, model: bytes, seconds: float, macs: int | None = None) -> Way:
    proto = onnx.load_from_string(model)
    stored = sum(prod(i.dims) for i in proto.graph.initializer if i.data_type == onnx.TensorProto.FLOAT)

    @contextmanager
    def opened() -> Iterator[Run]:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.intra_op_num_threads = subject.threads
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(model, options, [PROVIDERS[subject.provider]])
        (image,) = session.get_inputs()
        yield lambda images: session.run(None, {image.name: images})

    return Way(
        name, about, opened, seconds, len(model), len(proto.graph.node),
        parameters=stored, macs=macs,
    )  # fmt: skip


def _traced(subject: _Subject) -> Way:
    net = subject.eager().cpu()
    start = time.perf_counter()
    model = trace(net, subject.random_images(2))
    seconds = time.perf_counter() - start
    return _onnx_way("traced", "torch.onnx.export of the PyTorch net, ONNX Runtime", subject, model, seconds)


def emitted(name: str, about: str, passes: Sequence[str]) -> Callable[[_Subject], Way]:
    """Returns a way: the ONNX file with these passes, in ONNX Runtime."""

    def make(subject: _Subject) -> Way:
        exporter = OnnxExporter()
        start = time.perf_counter()
        net = subject.net(passes)
        model = exporter.model(net).SerializeToString(deterministic=True)
        check(model)
        seconds = time.perf_counter() - start
        return _onnx_way(name, about, subject, model, seconds, cost(net.graph.nodes.values()).macs)

    return make


WAYS: dict[str, Callable[[_Subject], Way]] = {
    "eager": _eager,
    "channels-last": _channels_last,
    "torch-compile": _torch_compile,
    "genocc-torch": _inference_net,
    "traced": _traced,
    "genocc-onnx-plain": emitted("genocc-onnx-plain", "genocc's ONNX file without passes, ONNX Runtime", ()),
    "genocc-onnx": emitted("genocc-onnx", "genocc's ONNX file, ONNX Runtime", OnnxExporter.passes),
}
"""Every way to run a net, in the order of the tables."""
