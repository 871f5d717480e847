"""The backends that can run a net: PyTorch in several forms, ONNX Runtime with traced and our files, other runtimes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import nn

from genocc.compiler import CompiledNet, compile_net, exporters
from genocc.counting import cost
from genocc.errors import TargetError
from genocc.genotype import Genotype
from genocc.graph import Graph
from genocc.network import NetworkConfig
from genocc.nn.graph_module import graph_module
from genocc.nn.inference_net import PASSES, InferenceNet
from genocc.nn.primitives import INFERENCE_EMITTERS
from genocc.runtimes.base import Runtime
from genocc.runtimes.files import open_file
from genocc.runtimes.onnx_runtime import PROVIDERS
from genocc.runtimes.table import runtimes
from genocc.runtimes.torch import torch_device

from ..onnx import OnnxExporter, check
from .tracing import trace

Images = NDArray[np.float32]
Infer = Callable[[Images], object]


@dataclass(frozen=True)
class Backend:
    """A runtime with the file or module that it runs.

    Attributes:
        name: Short and unique.
        about: Description, for the tables.
        session: Context in which the net can be run; it is loaded on entry and gone on exit.
        prepare_seconds: From the genotype's net to what `session` loads (export, or compilation of ours).
        file_bytes: Of the file or files; None where there is none.
        nodes: Operators in that file.
        parameters: Numbers in the weights that it loads, running statistics included where they are not folded.
        macs: For one image; None for files that were traced.
    """

    name: str
    about: str
    session: Callable[[], AbstractContextManager[Infer]] = field(repr=False)
    prepare_seconds: float | None = None
    file_bytes: int | None = None
    nodes: int | None = None
    parameters: int | None = None
    macs: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data."""
        return {name: value for name, value in self.__dict__.items() if name != "session"}


@dataclass
class Workload:
    """The work of all backends: one net with one set of weights, on so many threads of one provider.

    Raises:
        TargetError: The provider does not exist, or is not available here.
    """

    genotype: Genotype
    config: NetworkConfig
    weights: Mapping[str, Any] | str | Path | None
    seed: int | None
    threads: int
    provider: str

    def __post_init__(self) -> None:
        if PROVIDERS.get(self.provider) not in onnxruntime.get_available_providers():
            raise TargetError(f"provider {self.provider}: this ONNX Runtime has none; try cpu")
        self.device = torch_device(self.provider)

    def net(self, passes: Sequence[str] = ()) -> CompiledNet:
        """Returns the net after some passes."""
        return compile_net(self.genotype, self.config, weights=self.weights, seed=self.seed, passes=passes)

    @cached_property
    def plain(self) -> CompiledNet:
        """The net as the reference programs have it: nothing shared, nothing folded."""
        return self.net()

    def eager(self) -> nn.Module:
        """Returns the plain net as a PyTorch module on the device."""
        return graph_module(self.plain.graph, self.plain.parameters, INFERENCE_EMITTERS).eval().to(self.device)

    def random_images(self, batch: int) -> Images:
        """Returns noise (batch, C, H, W), the same each time."""
        shape = (batch, self.config.input_channels, *self.config.input_size)
        return np.random.default_rng(0).standard_normal(shape, np.float32)


@dataclass(frozen=True)
class Preparation:
    """What makes a backend for a workload.

    Attributes:
        runtime: Name of the runtime, in the table of `genocc runtimes`.
        make: Makes it.
    """

    runtime: str
    make: Callable[[Workload], Backend]

    def __call__(self, load: Workload) -> Backend:
        return self.make(load)


# The backends: one entry each.


def _eager(load: Workload) -> Backend:
    return _torch_backend(
        "eager", "PyTorch, NCHW, as the reference programs", load, lambda: (load.eager(), load.plain.graph)
    )


def _channels_last(load: Workload) -> Backend:
    def make() -> tuple[Callable[[torch.Tensor], object], Graph]:
        net = load.eager().to(memory_format=torch.channels_last)
        return lambda x: net(x.contiguous(memory_format=torch.channels_last)), load.plain.graph

    return _torch_backend("channels-last", "the same in channels_last", load, make)


def _torch_compile(load: Workload) -> Backend:
    def make() -> tuple[Callable[[torch.Tensor], object], Graph]:
        net = torch.compile(load.eager())
        with torch.inference_mode():
            net(torch.from_numpy(load.random_images(1)).to(load.device))
        return net, load.plain.graph

    return _torch_backend("torch-compile", "the same through torch.compile (default mode)", load, make)


def _inference_net(load: Workload) -> Backend:
    def make() -> tuple[Callable[[torch.Tensor], object], Graph]:
        net = load.net(PASSES)
        return InferenceNet(net, load.device), net.graph

    return _torch_backend("genocc-torch", "genocc's optimized PyTorch net", load, make)


def _traced(load: Workload) -> Backend:
    traced = trace(load.plain)
    about = "torch.onnx.export of the PyTorch net, ONNX Runtime"
    return _onnx_backend("traced", about, load, traced.model, traced.seconds)


def onnx_file(name: str, about: str, passes: Sequence[str]) -> Preparation:
    """Returns a backend: genocc's ONNX file with these passes, in ONNX Runtime."""

    def make(load: Workload) -> Backend:
        exporter = OnnxExporter()
        start = time.perf_counter()
        net = load.net(passes)
        exporter.check_size(net)
        made = exporter.model(net)
        check(made)
        model = made.SerializeToString(deterministic=True)
        seconds = time.perf_counter() - start
        return _onnx_backend(name, about, load, model, seconds, cost(net.graph.nodes.values()).macs)

    return Preparation("onnxruntime", make)


def file_of(runtime: Runtime) -> Preparation:
    """Returns a backend: a runtime with the file of genocc that it prefers, as `genocc compile` makes it by default."""
    suffix = runtime.reads[0]
    name, target = next((n, target) for n, target in exporters().items() if target.suffix == suffix)
    about = f"genocc's file of target {name}, {runtime.title}"

    def make(load: Workload) -> Backend:
        exporter = target()
        start = time.perf_counter()
        net = load.net(exporter.passes)
        exporter.check_size(net)
        with TemporaryDirectory() as folder:
            path = Path(folder, f"net{suffix}")
            operators = exporter.write(net, path)
            seconds = time.perf_counter() - start
            size = sum(part.stat().st_size for part in Path(folder).iterdir())
            file = open_file(path, f"{runtime.name}'s file")

        @contextmanager
        def session() -> Iterator[Infer]:
            yield runtime.load(file, load.provider, load.threads).infer

        graph = net.graph
        stored = sum(map(prod, [*graph.parameters().values(), *graph.buffers().values()]))
        macs = cost(graph.nodes.values()).macs
        return Backend(f"genocc-{runtime.name}", about, session, seconds, size, operators, stored, macs)

    return Preparation(runtime.name, make)


BACKENDS: dict[str, Preparation] = {
    "eager": Preparation("eager", _eager),
    "channels-last": Preparation("eager", _channels_last),
    "torch-compile": Preparation("inductor", _torch_compile),
    "genocc-torch": Preparation("eager", _inference_net),
    "traced": Preparation("onnxruntime", _traced),
    "genocc-onnx-plain": onnx_file("genocc-onnx-plain", "genocc's ONNX file without passes, ONNX Runtime", ()),
    "genocc-onnx": onnx_file("genocc-onnx", "genocc's ONNX file, ONNX Runtime", OnnxExporter.passes),
}
"""Name -> what prepares the backend, in the order of the tables."""


def all_backends() -> dict[str, Preparation]:
    """Returns ``BACKENDS``, and one for each runtime of the table that has none there."""
    covered = {backend.runtime for backend in BACKENDS.values()}
    others = (runtime for name, runtime in runtimes().items() if name not in covered)
    return {**BACKENDS, **{f"genocc-{runtime.name}": file_of(runtime) for runtime in others}}


def _torch_backend(
    name: str, about: str, load: Workload, make: Callable[[], tuple[Callable[[torch.Tensor], object], Graph]]
) -> Backend:
    start = time.perf_counter()
    net, graph = make()
    seconds = time.perf_counter() - start

    @contextmanager
    def session() -> Iterator[Infer]:
        def infer(images: Images) -> None:
            with torch.inference_mode():
                net(torch.from_numpy(images).to(load.device))
            if load.device.type == "cuda":
                torch.cuda.synchronize(load.device)

        yield infer

    stored = sum(map(prod, [*graph.parameters().values(), *graph.buffers().values()]))
    return Backend(name, about, session, seconds, parameters=stored, macs=cost(graph.nodes.values()).macs)


def _onnx_backend(
    name: str, about: str, load: Workload, model: bytes, seconds: float, macs: int | None = None
) -> Backend:
    proto = onnx.load_from_string(model)
    stored = sum(prod(i.dims) for i in proto.graph.initializer if i.data_type == onnx.TensorProto.FLOAT)

    @contextmanager
    def session() -> Iterator[Infer]:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.intra_op_num_threads = load.threads
        options.log_severity_level = 3
        loaded = onnxruntime.InferenceSession(model, options, [PROVIDERS[load.provider]])
        (image,) = loaded.get_inputs()
        yield lambda images: loaded.run(None, {image.name: images})

    return Backend(name, about, session, seconds, len(model), len(proto.graph.node), parameters=stored, macs=macs)
