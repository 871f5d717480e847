"""Code that the Python target copies into the files it writes: definition by definition, exactly as it stands here.

It depends on PyTorch alone. Its lines have at most 88 characters, the width that ruff and black take where nobody
tells them otherwise, and so have all lines that the target writes.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


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


class Slice(nn.Module):
    """The channels from start to stop."""

    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.start = start
        self.stop = stop

    def forward(self, x: Tensor) -> Tensor:
        return x[:, self.start : self.stop]


class Zero(nn.Module):
    """Zeros for each image of x, whose size the stride divides, rounding up."""

    def __init__(self, channels: int, stride: int | tuple[int, int] = 1) -> None:
        super().__init__()
        self.channels = channels
        self.strides = (stride, stride) if isinstance(stride, int) else stride

    def forward(self, x: Tensor) -> Tensor:
        down, right = self.strides
        size = (len(x), self.channels, -(-x.shape[2] // down), -(-x.shape[3] // right))
        return x.new_zeros(size)


class PaddedConv2d(nn.Conv2d):
    """A convolution with its own padding on each side: left, right, top, bottom."""

    def __init__(self, pads: tuple[int, ...], *sizes: Any, **options: Any) -> None:
        super().__init__(*sizes, **options)
        self.pads = pads

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(nn.functional.pad(x, self.pads))


class Normalization(nn.Module):
    """(x * scale - mean) / std for each channel."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: list[float], std: list[float], scale: float) -> None:
        super().__init__()
        self.scale = scale
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor(values).view(-1, 1, 1), False)

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.scale - self.mean) / self.std


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
