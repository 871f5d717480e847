"""The networks of the DARTS, PC-DARTS and P-DARTS programs in our words: their module names, their arithmetic.

Written from the papers and the programs' public descriptions, without anything of genocc but the genotype, so that
imported checkpoints have something independent to agree with. ``Listed`` is a genotype as the programs' texts list it,
with ``none`` among the edges.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from genocc import Cell, Genotype


@dataclass(frozen=True)
class ListedEdge:
    op: str
    source: int


@dataclass(frozen=True)
class ListedCell:
    nodes: tuple[tuple[ListedEdge, ...], ...]
    concat: tuple[int, ...]


@dataclass(frozen=True)
class Listed:
    """A genotype as a text lists it; its cells are called as ours."""

    cells: dict[str, ListedCell]


def conv(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, dilation: int = 1, groups: int = 1) -> nn.Conv2d:
    padding = dilation * (kernel - 1) // 2
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, groups, bias=False)


class Wrapped(nn.Module):
    """What the programs call SepConv, DilConv and ReLUConvBN: a sequence under ``op``."""

    def __init__(self, *steps: nn.Module) -> None:
        super().__init__()
        self.op = nn.Sequential(*steps)

    def forward(self, x: Tensor) -> Tensor:
        return self.op(x)


class FactorizedReduce(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv_1 = conv(inputs, outputs // 2, stride=2)
        self.conv_2 = conv(inputs, outputs // 2, stride=2)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(x)
        return self.bn(torch.cat([self.conv_1(x), self.conv_2(x[:, :, 1:, 1:])], 1))


class Zero(nn.Module):
    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, :: self.stride, :: self.stride] * 0


def depthwise(c: int, kernel: int, stride: int, dilation: int = 1) -> list[nn.Module]:
    return [nn.ReLU(), conv(c, c, kernel, stride, dilation, groups=c), conv(c, c), nn.BatchNorm2d(c)]


def operation(name: str, c: int, stride: int) -> nn.Module:
    if name == "none":
        return Zero(stride)
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else FactorizedReduce(c, c)
    if name == "max_pool_3x3":
        return nn.MaxPool2d(3, stride, 1)
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride, 1, count_include_pad=False)
    if name == "conv_1x7_7x1":  # in the programs: conv_7x1_1x7, for the same order
        first = nn.Conv2d(c, c, (1, 7), (1, stride), (0, 3), bias=False)
        second = nn.Conv2d(c, c, (7, 1), (stride, 1), (3, 0), bias=False)
        return nn.Sequential(nn.ReLU(), first, second, nn.BatchNorm2d(c))
    kind, _, size = name.rpartition("_")
    kernel = int(size[0])
    if kind == "sep_conv":
        return Wrapped(*depthwise(c, kernel, stride), *depthwise(c, kernel, 1))
    assert kind == "dil_conv"
    return Wrapped(*depthwise(c, kernel, stride, dilation=2))


class ReferenceCell(nn.Module):
    def __init__(
        self, cell: Cell | ListedCell, older: int, newer: int, c: int, reduction: bool, reduction_before: bool
    ) -> None:
        super().__init__()
        reduced = FactorizedReduce(older, c) if reduction_before else None
        self.preprocess0 = reduced or Wrapped(nn.ReLU(), conv(older, c), nn.BatchNorm2d(c))
        self.preprocess1 = Wrapped(nn.ReLU(), conv(newer, c), nn.BatchNorm2d(c))
        edges = [edge for node in cell.nodes for edge in node]
        self.sources = [edge.source for edge in edges]
        self.lengths = [len(node) for node in cell.nodes]
        self._ops = nn.ModuleList(operation(edge.op, c, 2 if reduction and edge.source < 2 else 1) for edge in edges)
        self.concat = cell.concat

    def forward(self, older: Tensor, newer: Tensor) -> Tensor:
        states = [self.preprocess0(older), self.preprocess1(newer)]
        number = 0
        for length in self.lengths:
            edges = zip(self._ops[number : number + length], self.sources[number : number + length], strict=True)
            states.append(sum(op(states[source]) for op, source in edges))
            number += length
        return torch.cat([states[state] for state in self.concat], 1)


class AuxiliaryHead(nn.Module):
    def __init__(self, c: int, classes: int, stride: int, norm: bool) -> None:
        super().__init__()
        steps = [nn.ReLU(), nn.AvgPool2d(5, stride, count_include_pad=False), conv(c, 128), nn.BatchNorm2d(128)]
        steps += [nn.ReLU(), nn.Conv2d(128, 768, 2, bias=False), *([nn.BatchNorm2d(768)] if norm else []), nn.ReLU()]
        self.features = nn.Sequential(*steps)
        self.classifier = nn.Linear(768, classes)


class ReferenceNetwork(nn.Module):
    """In evaluation mode; the auxiliary head is there for its tensors."""

    def __init__(
        self,
        genotype: Genotype | Listed,
        *,
        channels: int,
        layers: int,
        classes: int = 10,
        imagenet: bool = False,
        auxiliary: bool = True,
        auxiliary_bn: bool = True,
    ) -> None:
        super().__init__()
        c = channels
        if imagenet:
            first = [conv(3, c // 2, 3, 2), nn.BatchNorm2d(c // 2), nn.ReLU(), conv(c // 2, c, 3, 2), nn.BatchNorm2d(c)]
            self.stem0 = nn.Sequential(*first)
            self.stem1 = nn.Sequential(nn.ReLU(), conv(c, c, 3, 2), nn.BatchNorm2d(c))
            older = newer = c
        else:
            self.stem = nn.Sequential(conv(3, 3 * c, 3), nn.BatchNorm2d(3 * c))
            older = newer = 3 * c
        self.cells = nn.ModuleList()
        reduction_before = imagenet
        for number in range(layers):
            reduction = number in (layers // 3, 2 * layers // 3)
            c *= 2 if reduction else 1
            cell = genotype.cells["reduction" if reduction else "normal"]
            self.cells.append(ReferenceCell(cell, older, newer, c, reduction, reduction_before))
            older, newer, reduction_before = newer, len(cell.concat) * c, reduction
            if number == 2 * layers // 3 and auxiliary:
                self.auxiliary_head = AuxiliaryHead(newer, classes, 2 if imagenet else 3, auxiliary_bn)
        self.classifier = nn.Linear(newer, classes)
        randomize(self)
        self.eval()

    def forward(self, image: Tensor) -> Tensor:
        if hasattr(self, "stem0"):
            older = self.stem0(image)
            newer = self.stem1(older)
        else:
            older = newer = self.stem(image)
        for cell in self.cells:
            older, newer = newer, cell(older, newer)
        return self.classifier(newer.mean((2, 3)))


def randomize(net: nn.Module) -> None:
    """Random BN, statistics included, and larger weights: each tensor has its effect on the logits."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in net.state_dict().items():
        if name.endswith(("running_mean", ".bias")):
            tensor.copy_(torch.randn(tensor.shape, generator=generator) / 4)
        elif tensor.dim() == 1:
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
        elif tensor.dim() > 1:
            tensor.copy_(torch.randn(tensor.shape, generator=generator) / tensor[0].numel() ** 0.5)
