"""How fast compiled nets are in PyTorch on a GPU, next to eager and torch.compile, and how far from the roofline.

    python benchmarks/gpu.py                          # darts-v2, cifar 36x20, batches of 1, 64 and 256
    python benchmarks/gpu.py --genotype pc-darts-cifar --batch 64 --torch-compile
    python benchmarks/gpu.py --device cpu --quick     # one small net, to see that it runs

Each row is a net, a precision (float32 without TF32) and a way to launch it; `graph` replays a captured CUDA graph. The
roofline of a batch is the larger of two times: the bytes that the convolutions and pools of the compiled net read and
write, over the bandwidth that a copy reaches here, and their FLOPs, over the rate that a matrix product reaches here in
that precision. ReLUs, sums and concats count as free; what stays in a cache, as at batch 1, can be faster than this.
Medians of interleaved rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from math import prod
from statistics import median
from typing import Annotated

import torch
import typer
from running import run, timed
from torch import Tensor, nn

import genocc
from genocc import NetworkConfig
from genocc.cli.console import note, print_table
from genocc.compiler import compile_net
from genocc.counting import cost
from genocc.machine import machine
from genocc.nn.graph_module import graph_module
from genocc.nn.inference_net import PASSES, InferenceNet
from genocc.primitives import AvgPool, Conv2d, Linear, MaxPool
from genocc.runtimes.torch import torch_device
from genocc.targets import CompiledNet

Run = Callable[[Tensor], Tensor]
BATCHES = (1, 64, 256)
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def main(
    genotype: Annotated[str, typer.Option(help="Name in the zoo.")] = "darts-v2",
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cuda",
    batch: Annotated[list[int] | None, typer.Option(help="Batch sizes [1, 64, 256].")] = None,
    torch_compile: Annotated[bool, typer.Option(help="Time torch.compile too.")] = False,
    quick: Annotated[bool, typer.Option(help="A small net and small batches.")] = False,
    rounds: Annotated[int, typer.Option(help="How often the ways take turns.")] = 5,
) -> None:
    """Prints a table for each batch size."""
    place = torch_device(device)
    torch.backends.cudnn.allow_tf32 = False
    config = NetworkConfig(channels=8, layers=5) if quick else NetworkConfig()
    plain, compiled = (compile_net(genocc.load(f"zoo:{genotype}"), config, passes=names) for names in ((), PASSES))
    where = torch.cuda.get_device_name() if device == "cuda" else machine()
    limits = {name: speeds(place, dtype) for name, dtype in PRECISIONS.items()}
    for size in batch or ((1, 4) if quick else BATCHES):
        image = torch.randn(size, *plain.graph.input.shape, device=place)
        with torch.inference_mode():
            ways = dict(_ways(plain, compiled, image, torch_compile=torch_compile))
            seconds: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(rounds):
                for name, (net, _) in ways.items():
                    seconds[name].append(_seconds(partial(net, image)))
        best = {name: roofline(compiled, size, dtype, *limits[name]) for name, dtype in PRECISIONS.items()}
        rows = []
        for name, (_, precision) in ways.items():
            own, limit = median(seconds[name]), best[precision]
            rows.append((name, f"{own * 1e3:.3f}", f"{size / own:,.0f}", f"{median(seconds['eager']) / own:.2f}",
                         f"{limit * 1e3:.3f}", f"{limit / own:.1%}"))  # fmt: skip
        columns = ["way", ">ms", ">images/s", ">x eager", ">roofline, ms", ">reached"]
        title = (
            f"{genotype}, cifar {config.channels}x{config.layers}, batch {size}; {where}, PyTorch {torch.__version__}"
        )
        print_table(title, columns, rows)


def _ways(
    plain: CompiledNet, compiled: CompiledNet, image: Tensor, *, torch_compile: bool = False
) -> Iterator[tuple[str, tuple[Run, str]]]:
    """Name -> what runs float32 images (N, C, H, W), and in which precision."""
    for precision, dtype in PRECISIONS.items():
        suffix = "" if precision == "float32" else f", {precision}"
        eager, last = (_eager(plain, image.device, dtype) for _ in range(2))
        last.to(memory_format=torch.channels_last)
        rows: dict[str, Run] = {
            f"eager{suffix}": _cast(eager, dtype),
            f"channels_last{suffix}": _cast(last, dtype, torch.channels_last),
            f"genocc{suffix}": InferenceNet(compiled, image.device, dtype),
        }
        if torch_compile:
            note(f"torch.compile, {precision} ...")
            rows[f"torch.compile{suffix}"] = _cast(torch.compile(last), dtype, torch.channels_last)
        if image.device.type == "cuda":
            graphed = (f"channels_last{suffix}", f"genocc{suffix}", *(name for name in rows if "compile" in name))
            rows |= {f"{name}, graph": _captured(rows[name], image) for name in graphed}
        yield from ((name, (run, precision)) for name, run in rows.items())


def _eager(net: CompiledNet, device: torch.device, dtype: torch.dtype) -> nn.Module:
    return graph_module(net.graph, dict(net.parameters)).eval().to(device, dtype)


def _cast(net: Run, dtype: torch.dtype, layout: torch.memory_format = torch.contiguous_format) -> Run:
    return lambda image: net(image.to(dtype=dtype, memory_format=layout))


def _captured(net: Run, image: Tensor) -> Run:
    """Replays one captured run on a copy of the images, as CUDA graphs have their memory fixed."""
    held = image.clone()
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            net(held)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        output = net(held)

    def replay(images: Tensor) -> Tensor:
        held.copy_(images)
        graph.replay()
        return output

    return replay


def _seconds(function: Callable[[], object], budget: float = 0.3) -> float:
    for _ in range(3):
        function()
    samples: list[float] = []
    while len(samples) < 3 or sum(samples) < budget:
        samples.append(timed(function))
    return median(samples)


def speeds(device: torch.device, dtype: torch.dtype) -> tuple[float, float]:
    """Returns the bytes and the FLOPs a second that a copy and a matrix product reach."""
    big, side = (1 << 30, 8192) if device.type == "cuda" else (1 << 24, 512)
    source = torch.empty(big, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    return 2 * big / _seconds(lambda: target.copy_(source)), 2 * side**3 / _seconds(lambda: a @ b)


def roofline(net: CompiledNet, batch: int, dtype: torch.dtype, bandwidth: float, rate: float) -> float:
    """Returns the seconds that a net's convolutions and pools take at least, with all features going through memory.

    Args:
        net: The net.
        batch: Images.
        dtype: Of weights and features.
        bandwidth: Bytes a second.
        rate: FLOPs a second.
    """
    graph = net.graph
    work = [node for node in graph.nodes.values() if isinstance(node.primitive, (Conv2d, Linear, MaxPool, AvgPool))]
    features = sum(prod(shape) for node in work for shape in (*node.input_shapes, node.shape))
    stored = sum(map(prod, graph.parameters().values()))
    moved = (batch * features + stored) * dtype.itemsize
    return max(moved / bandwidth, 2 * batch * cost(work).macs / rate)


if __name__ == "__main__":
    run(main)
