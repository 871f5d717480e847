"""Convolutions that nets train, compared with float64, as a program: a fault of a kernel ends it, and no test.

``python -m tests.nn.convolutions KIND WAY FIRST THIN`` tries the cases of a kind in order, from number FIRST on, and
every THINth of the grid. It prints the number of each case before it tries it, and what is wrong after it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

from genocc.graph import Graph, GraphBuilder, Node
from genocc.network import SKELETONS, NetworkConfig
from genocc.operations import OPERATIONS, Block, factorized_reduce
from genocc.primitives import Conv2d, Input
from tests.sample_data import ROOT

CHANNELS = (*range(1, 18), 23, 24, 31, 32, 33, 36, 47, 48, 63, 64)
SIZES = (*range(1, 10), 13, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 80, 96, 127, 128)
BATCH = 4
MAX_MACS = 1 << 27
"""Of a case: larger ones would take the campaign hours, and differ in nothing from smaller ones of their channels."""


@dataclass(frozen=True)
class Case:
    """A convolution of a net: ``inputs`` channels of ``height`` x ``width``."""

    conv: Conv2d
    inputs: int
    height: int
    width: int
    channels_last: bool

    def __str__(self) -> str:
        conv, layout = self.conv, "channels last" if self.channels_last else "contiguous"
        return f"{kind(conv, self.inputs)} {self.inputs} -> {conv.channels} at {self.height}x{self.width}, {layout}"


def kind(conv: Conv2d, inputs: int) -> str:
    """What a convolution is, whatever its sizes: cases of a kind are tried by one process."""
    groups = "depthwise" if conv.groups == inputs > 1 else "dense"
    numbers = (conv.kernel, conv.stride, conv.pads[:2], conv.dilation)
    return f"{groups}:" + ":".join("x".join(map(str, n)) if isinstance(n, tuple) else str(n) for n in numbers)


def nodes(channels: int, size: int) -> Iterator[Node]:
    """Yields the convolutions of all operations, stems and factorized reduces with so many channels."""
    graphs: list[Graph] = []
    for operation, stride in product(OPERATIONS.values(), (1, 2)):
        if operation.recipe and not (channels % 2 and operation.name == "skip_connect"):
            graphs.append(operation.graph(channels, stride, size))
    for wide in (channels, 2 * channels, 4 * channels):  # of the cells before
        builder = GraphBuilder()
        x = builder.add("x", Input(wide, size, size))
        block = Block(builder, "block", channels)
        narrow = block.conv(x, "pointwise", 1)
        reduced = factorized_reduce(block, x) if channels % 2 == 0 else block.conv(x, "halved", 1, 2)
        graphs.append(builder.build(a=narrow, b=reduced))
    for name, skeleton in SKELETONS.items():
        for stride in skeleton.stem_strides:
            config = NetworkConfig.make(skeleton=name, channels=channels, stem_stride=stride)
            block = Block(GraphBuilder(), "", channels)
            stem = skeleton.stem(block, block.builder.add("x", Input(config.input_channels, size, size)), config)
            graphs.append(block.builder.build(older=stem.older, newer=stem.newer))
    if size > 1:  # the auxiliary head's
        block = Block(GraphBuilder(), "aux", channels)
        x = block.builder.add("x", Input(channels, size, size))
        graphs.append(block.builder.build(y=block.conv(x, "conv2", 2, padded=False)))
    for graph in graphs:
        yield from (node for node in graph.nodes.values() if isinstance(node.primitive, Conv2d))


@cache
def cases(thin: int = 1) -> dict[str, list[Case]]:
    """Returns the cases by kind, in order: every one of the grid, or every ``thin``th channel and size."""
    found: dict[str, dict[Case, None]] = {}
    for channels, size in list(product(CHANNELS, SIZES))[::thin]:
        for node in nodes(channels, size):
            ((inputs, height, width),), conv = node.input_shapes, node.primitive
            assert isinstance(conv, Conv2d)
            if BATCH * conv.macs(node.input_shapes, node.shape) <= MAX_MACS:
                for layout in (False, True):
                    case = Case(conv, inputs, height, width, layout)
                    found.setdefault(kind(conv, inputs), {})[case] = None
    return {name: list(own) for name, own in sorted(found.items())}


def faults(which: str, *, plain: bool = False, thin: int = 1) -> list[str]:
    """Tries all cases of a kind in other processes, and returns those that end a process or differ from float64.

    Args:
        which: A key of `cases`.
        plain: Whether to try PyTorch's own convolution, instead of what nets are made of.
        thin: As for `cases`.
    """
    wrong, first = [], 0
    while True:
        command = [
            sys.executable,
            "-m",
            "tests.nn.convolutions",
            which,
            "plain" if plain else "net",
            f"{first}",
            f"{thin}",
        ]
        process = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        lines = process.stdout.splitlines()
        wrong += [line for line in lines if not line.isdigit()]
        if process.returncode == 0:
            return wrong
        if process.returncode > 0 and "Error" in process.stderr:
            raise RuntimeError(process.stderr)
        last = max((int(line) for line in lines if line.isdigit()), default=first)
        wrong.append(f"{cases(thin)[which][last]}: ends the process with {process.returncode}")
        first = last + 1


def attempt(case: Case, plain: bool) -> str:
    """Computes a case and its gradients in float32 and in float64; returns what differs, empty if nothing does."""
    import torch

    from genocc.nn.primitives import EMITTERS

    builder = GraphBuilder()
    x = builder.add("x", Input(case.inputs, case.height, case.width))
    node = builder.build(y=builder.add("y", case.conv, x)).nodes["y"]
    op = EMITTERS[Conv2d](case.conv, node)
    assert isinstance(op.target, type)
    torch.manual_seed(0)
    module = (torch.nn.Conv2d if plain else op.target)(**op.arguments)
    image = torch.randn(BATCH, case.inputs, case.height, case.width)
    layout = torch.channels_last if case.channels_last else torch.contiguous_format
    results = []
    for dtype in (torch.float32, torch.float64):
        net = module.to(dtype=dtype, memory_format=layout)
        net.zero_grad()
        y = image.to(dtype=dtype, memory_format=layout, copy=True).requires_grad_()
        output = net(y)
        output.backward((output.detach() * 0.1 + 1).contiguous(memory_format=layout))
        results.append((output.detach(), y.grad, net.weight.grad.clone()))
    for name, found, expected in zip(
        ("output", "gradient of the image", "gradient of the weight"), *results, strict=True
    ):
        error = (found - expected).abs().max() / expected.abs().max().clamp_min(1e-6)
        if not error < 1e-3:
            return f"{case}: {name} differs by {float(error):.1e}"
    return ""


def main() -> None:
    """The program."""
    which, way, first, thin = sys.argv[1:]
    for number, case in list(enumerate(cases(int(thin))[which]))[int(first) :]:
        print(number, flush=True)
        if wrong := attempt(case, way == "plain"):
            print(wrong, flush=True)


if __name__ == "__main__":
    main()
