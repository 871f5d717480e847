"""The network of NAS-Bench-201 in our words: its modules in the order in which its program makes them.

Written from Dong and Yang, NAS-Bench-201 (ICLR 2020), Section 2.1, and the program's public description, without
anything of genocc: an architecture string goes in.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Zero(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * 0.0


def relu_conv_bn(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(outputs))


def operation(name: str, c: int) -> nn.Module:
    match name:
        case "none":
            return Zero()
        case "skip_connect":
            return nn.Identity()
        case "avg_pool_3x3":
            return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
        case "nor_conv_1x1" | "nor_conv_3x3":
            return relu_conv_bn(c, c, int(name[-1]))
    raise ValueError(name)


class Cell(nn.Module):
    def __init__(self, architecture: str, c: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        self.sources: list[list[int]] = []
        for node in architecture.split("+"):
            pairs = [pair.split("~") for pair in node.strip("|").split("|")]
            self.layers.extend(operation(name, c) for name, _ in pairs)
            self.sources.append([int(source) for _, source in pairs])

    def forward(self, x: Tensor) -> Tensor:
        states, layers = [x], iter(self.layers)
        for sources in self.sources:
            states.append(torch.stack([next(layers)(states[source]) for source in sources]).sum(0))
        return states[-1]


class ResidualBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv_a = relu_conv_bn(inputs, outputs, 3, 2)
        self.conv_b = relu_conv_bn(outputs, outputs, 3)
        self.downsample = nn.Sequential(nn.AvgPool2d(2, 2), nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.downsample(x) + self.conv_b(self.conv_a(x))
        return y


class TinyNetwork(nn.Module):
    """C channels, three stages of N cells."""

    def __init__(self, architecture: str, c: int = 16, n: int = 5, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, c, 3, padding=1, bias=False), nn.BatchNorm2d(c))
        self.cells = nn.Sequential()
        for width in (c, 2 * c, 4 * c):
            if width > c:
                self.cells.append(ResidualBlock(width // 2, width))
            for _ in range(n):
                self.cells.append(Cell(architecture, width))
        self.lastact = nn.Sequential(nn.BatchNorm2d(4 * c), nn.ReLU())
        self.classifier = nn.Linear(4 * c, classes)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.lastact(self.cells(self.stem(images))).mean((2, 3)))
        return logits

    def macs(self, size: int = 32) -> int:
        """Multiply-accumulates of convolutions and of the classifier for one image, its bias not counted."""
        found: list[int] = []

        def count(module: nn.Module, _: object, output: Tensor) -> None:
            assert isinstance(module, nn.Conv2d | nn.Linear)
            found.append(output.numel() * module.weight[0].numel())

        hooks = [m.register_forward_hook(count) for m in self.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
        self.eval()(torch.zeros(1, 3, size, size))
        for hook in hooks:
            hook.remove()
        return sum(found)
