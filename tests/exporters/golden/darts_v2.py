"""darts-v2: a network of learned cells, in plain PyTorch.

    net = Network()
    load_weights(net, "weights.safetensors")
    logits = net.eval()(images)

A new net has PyTorch's default initialization. `genocc import-weights` and `genocc
compile --to torch` write weights that it can load.

Genotype: darts-v2
Hash: c3a914539b6261add00406321e2bdcfb75ce881a7eb8f195334e44847d932095
Network: skeleton cifar, channels 36, layers 20, classes 10, input_size 32x32,
input_channels 3, stem_stride 1, auxiliary False, auxiliary_bn True
Written by genocc 0.1.0.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn


class Network(nn.Module):
    """Images (N, 3, 32, 32) to logits (N, 10)."""

    wiring = "e8872350971327d84cb8bffc8032272f85cab1086615861a972b17d468e155bf"

    def __init__(self) -> None:
        super().__init__()
        self.stem = Stem()
        self.cells = nn.ModuleList(
            [
                NormalCell(108, 108, 36),
                NormalCell(108, 144, 36),
                *(NormalCell(144, 144, 36) for _ in range(4)),
                ReductionCell(144, 144, 72),
                NormalCell(144, 288, 72, older_is_larger=True),
                *(NormalCell(288, 288, 72) for _ in range(5)),
                ReductionCell(288, 288, 144),
                NormalCell(288, 576, 144, older_is_larger=True),
                *(NormalCell(576, 576, 144) for _ in range(5)),
            ]
        )
        self.head = GlobalMean()
        self.classifier = Classifier()

    def forward(self, image: Tensor) -> Tensor:
        older = newer = self.stem(image)
        for cell in self.cells:
            older, newer = newer, cell(older, newer)
        logits: Tensor = self.classifier(self.head(newer))
        return logits


class NormalCell(nn.Module):
    """The normal cell: inputs s0 and s1, nodes s2 to s5.

    The two cells before it give c0 and c1 channels; its states have c.
    """

    def __init__(self, c0: int, c1: int, c: int, older_is_larger: bool = False) -> None:
        super().__init__()
        self.pre0 = FactorizedReduce(c0, c) if older_is_larger else ReLUConvBN(c0, c)
        self.pre1 = ReLUConvBN(c1, c)
        self.nodes = nn.ModuleList(
            [
                Node(("sep_conv_3x3", SepConv3x3(c)), ("sep_conv_3x3", SepConv3x3(c))),
                Node(("sep_conv_3x3", SepConv3x3(c)), ("sep_conv_3x3", SepConv3x3(c))),
                Node(("sep_conv_3x3", SepConv3x3(c)), ("skip_connect", nn.Identity())),
                Node(("skip_connect", nn.Identity()), ("dil_conv_3x3", DilConv3x3(c))),
            ]
        )

    def forward(self, older: Tensor, newer: Tensor) -> Tensor:
        s0 = self.pre0(older)
        s1 = self.pre1(newer)
        s2 = self.nodes[0](s0, s1)  # sep_conv_3x3(s0) + sep_conv_3x3(s1)
        s3 = self.nodes[1](s0, s1)  # sep_conv_3x3(s0) + sep_conv_3x3(s1)
        s4 = self.nodes[2](s1, s0)  # sep_conv_3x3(s1) + skip_connect(s0)
        s5 = self.nodes[3](s0, s2)  # skip_connect(s0) + dil_conv_3x3(s2)
        return torch.cat([s2, s3, s4, s5], dim=1)


class ReductionCell(nn.Module):
    """The reduction cell: inputs s0 and s1, nodes s2 to s5 at half the size.

    The two cells before it give c0 and c1 channels; its states have c.
    """

    def __init__(self, c0: int, c1: int, c: int) -> None:
        super().__init__()
        self.pre0 = ReLUConvBN(c0, c)
        self.pre1 = ReLUConvBN(c1, c)
        self.nodes = nn.ModuleList(
            [
                Node(
                    ("max_pool_3x3", MaxPool3x3(stride=2)),
                    ("max_pool_3x3", MaxPool3x3(stride=2)),
                ),
                Node(
                    ("skip_connect", nn.Identity()),
                    ("max_pool_3x3", MaxPool3x3(stride=2)),
                ),
                Node(
                    ("max_pool_3x3", MaxPool3x3(stride=2)),
                    ("skip_connect", nn.Identity()),
                ),
                Node(
                    ("skip_connect", nn.Identity()),
                    ("max_pool_3x3", MaxPool3x3(stride=2)),
                ),
            ]
        )

    def forward(self, older: Tensor, newer: Tensor) -> Tensor:
        s0 = self.pre0(older)
        s1 = self.pre1(newer)
        s2 = self.nodes[0](s0, s1)  # max_pool_3x3(s0) + max_pool_3x3(s1)
        s3 = self.nodes[1](s2, s1)  # skip_connect(s2) + max_pool_3x3(s1)
        s4 = self.nodes[2](s0, s2)  # max_pool_3x3(s0) + skip_connect(s2)
        s5 = self.nodes[3](s2, s1)  # skip_connect(s2) + max_pool_3x3(s1)
        return torch.cat([s2, s3, s4, s5], dim=1)


class Node(nn.Module):
    """A state of a cell: the sum of its edges, each an operation on an earlier state.

    An edge is a submodule named by operation and position, such as sep_conv_3x3.0.
    """

    def __init__(self, *edges: tuple[str, nn.Module]) -> None:
        super().__init__()
        for name, _ in edges:
            self.add_module(name, nn.ModuleDict())
        for position, (name, operation) in enumerate(edges):
            self.get_submodule(name).add_module(str(position), operation)
        self.paths = [f"{name}.{position}" for position, (name, _) in enumerate(edges)]
        self.drop_path = DropPath()

    def forward(self, *states: Tensor) -> Tensor:
        values: list[Tensor] = []
        for path, state in zip(self.paths, states, strict=True):
            operation = self.get_submodule(path)
            value = operation(state)
            is_skip = isinstance(operation, nn.Identity)
            values.append(value if is_skip else self.drop_path(value))
        return sum(values[1:], start=values[0])


class ReLUConvBN(nn.Sequential):
    """ReLU, 1x1 conv, BN."""

    def __init__(self, c_in: int, c: int) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.conv = nn.Conv2d(c_in, c, 1, bias=False)
        self.bn = nn.BatchNorm2d(c)


class FactorizedReduce(nn.Module):
    """Halves a map by two 1x1 convs, one of them shifted by a pixel."""

    def __init__(self, c_in: int, c: int) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.conv1 = nn.Conv2d(c_in, c // 2, 1, stride=2, bias=False)
        self.shift = nn.ZeroPad2d((-1, 1, -1, 1))
        self.conv2 = nn.Conv2d(c_in, c // 2, 1, stride=2, bias=False)
        self.bn = nn.BatchNorm2d(c)

    def forward(self, x: Tensor) -> Tensor:
        relu = self.relu(x)
        concat = torch.cat([self.conv1(relu), self.conv2(self.shift(relu))], dim=1)
        bn: Tensor = self.bn(concat)
        return bn


class SepConv3x3(nn.Sequential):
    """sep_conv_3x3: twice ReLU, 3x3 depthwise conv, 1x1 conv, BN."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.relu1 = nn.ReLU()
        self.dw1 = nn.Conv2d(c, c, 3, padding=1, groups=c, bias=False)
        self.pw1 = nn.Conv2d(c, c, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c)
        self.relu2 = nn.ReLU()
        self.dw2 = nn.Conv2d(c, c, 3, padding=1, groups=c, bias=False)
        self.pw2 = nn.Conv2d(c, c, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c)


class DilConv3x3(nn.Sequential):
    """dil_conv_3x3: ReLU, 3x3 depthwise conv of dilation 2, 1x1 conv, BN."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.dw = nn.Conv2d(c, c, 3, padding=2, dilation=2, groups=c, bias=False)
        self.pw = nn.Conv2d(c, c, 1, bias=False)
        self.bn = nn.BatchNorm2d(c)


class MaxPool3x3(nn.Sequential):
    """max_pool_3x3: 3x3 max pool."""

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(3, stride, padding=1)


class Stem(nn.Sequential):
    """3x3 conv, BN."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 108, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(108)


class Classifier(nn.Sequential):
    """Linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(576, 10)


class DropPath(nn.Module):
    """While training, zeroes a value for some of the images and scales up the rest."""

    rate = 0.0

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        keep = 1 - self.rate
        return x * x.new_empty(len(x), 1, 1, 1).bernoulli_(keep) / keep


class GlobalMean(nn.Module):
    """The mean over height and width: (N, C, H, W) to (N, C)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


def set_drop_path_rate(net: nn.Module, rate: float) -> None:
    """Sets the probability with which training drops the value of an edge."""
    if not 0 <= rate < 1:
        raise ValueError(f"drop path rate {rate}; expected 0 <= rate < 1")
    for module in net.modules():
        if isinstance(module, DropPath):
            module.rate = rate


def load_weights(net: nn.Module, source: str | Path | Mapping[str, Tensor]) -> None:
    """Loads all tensors of the net from a safetensors file or a state dict.

    BN's counters of batches may be missing, and an auxiliary head may be left over. All
    else that does not fit is a RuntimeError, a file of another net a ValueError.
    """
    of = str(getattr(net, "wiring", ""))
    tensors = source if isinstance(source, Mapping) else read_safetensors(source, of)
    own = net.state_dict()
    merged = {name: own[name] for name in own if name.endswith("num_batches_tracked")}
    for name, tensor in tensors.items():
        if name in own or not name.startswith("auxiliary."):
            merged[name] = tensor
    net.load_state_dict(merged)


def read_safetensors(path: str | Path, of: str = "") -> dict[str, Tensor]:
    """Returns a safetensors file's tensors; it may name no other wiring than `of`."""
    floats = {"F64": torch.float64, "F32": torch.float32}
    floats |= {"F16": torch.float16, "BF16": torch.bfloat16}
    content = bytearray(Path(path).read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    tensors = {}
    try:
        if start > len(content):
            raise ValueError("it ends before its header does")
        header = json.loads(content[8:start])
        named = dict(header.pop("__metadata__", {})).get("wiring", of)
        for name, entry in header.items():
            dtype, shape = floats[entry["dtype"]], entry["shape"]
            begin, end = entry["data_offsets"]
            data = content[start + begin : start + end]
            if begin < 0 or len(data) != math.prod(shape) * dtype.itemsize:
                raise ValueError(f"{name} has {len(data)} bytes for shape {shape}")
            tensors[name] = torch.frombuffer(data, dtype=dtype).view(shape)
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{path}: not a safetensors file of floats: {error}") from None
    if of and named != of:
        raise ValueError(f"{path}: is of a net wired as {named}; expected {of}")
    return tensors
