"""The backends that can run a net: PyTorch in several forms, ONNX Runtime with traced and our files, other runtimes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
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

from genocc.compiler import compile_net, trained_by
from genocc.counting import cost
from genocc.errors import TargetError
from genocc.genotype import Genotype
from genocc.graph import Graph
from genocc.network import NetworkConfig
from genocc.nn.graph_module import graph_module
from genocc.nn.inference_net import PASSES, InferenceNet
from genocc.nn.primitives import INFERENCE_EMITTERS
from genocc.precision import FLOAT32
from genocc.runtimes.files import open_file
from genocc.runtimes.onnx_runtime import PROVIDERS
from genocc.runtimes.table import runtime, runtimes
from genocc.runtimes.torch import torch_device
from genocc.source import Source
from genocc.targets import CompiledNet, Exporter, exporter, exporters

from ..int8.calibration import Calibration, read_calibration
from ..onnx import OnnxExporter, check
from ..precision import CALIBRATION_IMAGES, PreciseExporter
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

    Attributes:
        data: Images to calibrate int8 on and to measure accuracies on, as `genocc compile --calibrate` takes them;
            None: int8 is calibrated on noise, which is enough for its speed.

    Raises:
        TargetError: The provider does not exist, or is not available here.
    """

    genotype: Genotype
    config: NetworkConfig
    weights: Mapping[str, Any] | str | Path | None
    seed: int | None
    threads: int
    provider: str
    data: str | None = None

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

    @cached_property
    def calibration(self) -> Calibration | None:
        """The images of ``data``; raises DataError where they are not those of the net's classes."""
        if not self.data:
            return None
        known = trained_by(Source.of(self.genotype), self.weights)
        training = {"class_names": known.class_names, "normalization": known.normalization} if known else {}
        return read_calibration(self.data, self.plain.provenance(**training), CALIBRATION_IMAGES)

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
        lacks: Returns what else it needs and is not available here; None if nothing.
    """

    runtime: str
    make: Callable[[Workload], Backend]
    lacks: Callable[[], str | None] = lambda: None

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


def file_of(runtime_name: str, target: str, precision: str = FLOAT32, name: str | None = None) -> Preparation:
    """Returns a backend: a runtime with a file of genocc as `genocc compile` makes it by default.

    Args:
        runtime_name: What runs it.
        target: What writes it.
        precision: Of the file.
        name: Of the backend.
    """
    name = name or f"genocc-{target}-{precision}"

    def make(load: Workload) -> Backend:
        one, made = runtime(runtime_name), exporter(target)
        about = f"genocc's file of target {target}, {one.title}"
        if issubclass(made, PreciseExporter):
            calibrate = (load.data or "noise") if precision == "int8" else None
            writer: Exporter = made(precision=precision, calibrate=calibrate)
            about = about if precision == FLOAT32 else f"the same in {precision}"
        else:
            writer = made()
        start = time.perf_counter()
        net = load.net(writer.default_passes)
        writer.check_size(net)
        with TemporaryDirectory() as folder:
            path = Path(folder, f"net{writer.suffix}")
            if isinstance(writer, PreciseExporter) and precision == "int8":
                images = load.calibration.images if load.calibration else load.random_images(16)
                about += "" if load.calibration else ", calibrated on noise, for its speed alone"
                operators = writer.quantizer(net, images).write(path)
            else:
                operators = writer.write(net, path)
            seconds = time.perf_counter() - start
            size = sum(part.stat().st_size for part in Path(folder).iterdir())
            file = open_file(path, f"{one.name}'s file")

        @contextmanager
        def session() -> Iterator[Infer]:
            yield one.load(file, load.provider, load.threads).infer

        graph = net.graph
        stored = sum(map(prod, [*graph.parameters().values(), *graph.buffers().values()]))
        macs = cost(graph.nodes.values()).macs
        return Backend(name, about, session, seconds, size, operators, stored, macs)

    needs_nncf = target == "openvino" and precision == "int8"
    return Preparation(runtime_name, make, _lacks_nncf if needs_nncf else lambda: None)


def _lacks_nncf() -> str | None:
    return None if find_spec("nncf") else "NNCF is not installed: pip install 'genocc[openvino]'"


BACKENDS: dict[str, Preparation] = {
    "eager": Preparation("eager", _eager),
    "channels-last": Preparation("eager", _channels_last),
    "torch-compile": Preparation("inductor", _torch_compile),
    "genocc-torch": Preparation("eager", _inference_net),
    "traced": Preparation("onnxruntime", _traced),
    "genocc-onnx-plain": onnx_file("genocc-onnx-plain", "genocc's ONNX file without passes, ONNX Runtime", ()),
    "genocc-onnx": onnx_file("genocc-onnx", "genocc's ONNX file, ONNX Runtime", OnnxExporter.passes),
    "genocc-onnx-float16": file_of("onnxruntime", "onnx", "float16"),
    "genocc-onnx-int8": file_of("onnxruntime", "onnx", "int8"),
    "genocc-openvino": file_of("openvino", "openvino", name="genocc-openvino"),
    "genocc-openvino-bfloat16": file_of("openvino", "openvino", "bfloat16"),
    "genocc-openvino-float16": file_of("openvino", "openvino", "float16"),
    "genocc-openvino-int8": file_of("openvino", "openvino", "int8"),
}
"""Name -> what prepares the backend, in the order of the tables."""


def all_backends() -> dict[str, Preparation]:
    """Returns ``BACKENDS``, and one for each runtime of the table that has none there."""
    covered = {backend.runtime for backend in BACKENDS.values()}
    others = {}
    for one in runtimes().values():
        if one.name not in covered:
            target = next(name for name, made in exporters().items() if made.suffix == one.reads[0])
            others[f"genocc-{one.name}"] = file_of(one.name, target, name=f"genocc-{one.name}")
    return {**BACKENDS, **others}


def _torch_backend(
    name: str, about: str, load: Workload, make: Callable[[], tuple[Callable[[torch.Tensor], object], Graph]]
) -> Backend:
    start = time.perf_counter()
    net, graph = make()
    seconds = time.perf_counter() - start

    @contextmanager
    def session() -> Iterator[Infer]:
        def infer(images: Images) -> object:
            with torch.inference_mode():
                outputs = net(torch.from_numpy(images).to(load.device))
            if load.device.type == "cuda":
                torch.cuda.synchronize(load.device)
            return outputs

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
