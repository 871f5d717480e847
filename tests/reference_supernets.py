"""Super-nets of DARTS, PC-DARTS and EnTranNAS, transcribed from the papers' equations as plainly as can be.

Every edge owns its operations, every operation its ReLU and BN, everything is NCHW and goes through autograd: the
reference that tests compare numbers with and benchmarks compare times with. It shares no code with `genocc.searchers`;
`load` copies the weights of one of its super-nets.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

STANDARD = (
    "none", "max_pool_3x3", "avg_pool_3x3", "skip_connect",
    "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5",
)  # fmt: skip


def bn(channels: int, affine: bool = False) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, affine=affine)


def conv(c_in: int, c_out: int, kernel: int | tuple[int, int], **arguments: int | tuple[int, int]) -> nn.Conv2d:
    return nn.Conv2d(c_in, c_out, kernel, bias=False, **arguments)


class Zero(nn.Module):
    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, :: self.stride, :: self.stride].mul(0.0)


class Pool(nn.Sequential):
    def __init__(self, kind: str, c: int, stride: int) -> None:
        average = nn.AvgPool2d(3, stride, 1, count_include_pad=False)
        super().__init__(average if kind == "avg" else nn.MaxPool2d(3, stride, 1), bn(c))


class FactorizedReduce(nn.Module):
    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.conv1 = conv(c_in, c_out // 2, 1, stride=2)
        self.conv2 = conv(c_in, c_out // 2, 1, stride=2)
        self.bn = bn(c_out)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(x)
        return self.bn(torch.cat([self.conv1(x), self.conv2(x[:, :, 1:, 1:])], 1))


class ReluConvBn(nn.Sequential):
    def __init__(self, c_in: int, c_out: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__(nn.ReLU(), conv(c_in, c_out, kernel, stride=stride, padding=kernel // 2), bn(c_out))


class DilConv(nn.Sequential):
    def __init__(self, c: int, kernel: int, stride: int, dilation: int = 2) -> None:
        pad = dilation * (kernel - 1) // 2
        depthwise = conv(c, c, kernel, stride=stride, padding=pad, dilation=dilation, groups=c)
        super().__init__(nn.ReLU(), depthwise, conv(c, c, 1), bn(c))


class SepConv(nn.Sequential):
    def __init__(self, c: int, kernel: int, stride: int) -> None:
        super().__init__(*DilConv(c, kernel, stride, 1), *DilConv(c, kernel, 1, 1))


class RectangularConv(nn.Sequential):
    def __init__(self, c: int, k: int, stride: int) -> None:
        along, across = ((1, k), (1, stride), (0, k // 2)), ((k, 1), (stride, 1), (k // 2, 0))
        convs = [conv(c, c, kernel, stride=step, padding=pad) for kernel, step, pad in (along, across)]
        super().__init__(nn.ReLU(), *convs, bn(c))


def operation(name: str, c: int, stride: int) -> nn.Module:
    kernel = int(name[-1]) if name[-1].isdigit() else 0
    if name == "none":
        return Zero(stride)
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else FactorizedReduce(c, c)
    if name.endswith("pool_3x3"):
        return Pool(name[:3], c, stride)
    if name.startswith("sep"):
        return SepConv(c, kernel, stride)
    if name.startswith("dil"):
        return DilConv(c, kernel, stride)
    if name in ("conv_1x1", "conv_3x3"):
        return ReluConvBn(c, c, kernel, stride)
    return RectangularConv(c, int(name[-3]), stride)  # conv_1xk_kx1


class MixedOp(nn.Module):
    """DARTS: the sum of all operations, each times its softmax."""

    def __init__(self, c: int, stride: int, names: Sequence[str]) -> None:
        super().__init__()
        self.ops = nn.ModuleList(operation(name, c, stride) for name in names)

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        return sum(w * op(x) for w, op in zip(weights, self.ops, strict=True))

    def kept(self, x: Tensor, keep: Tensor) -> Tensor | int:
        """The derived edge: the sum of the operations that are kept, as they are."""
        return sum(op(x) for k, op in zip(keep, self.ops, strict=True) if k)


class PartialMixedOp(MixedOp):
    """PC-DARTS, Eq. 1: the first 1/K of the channels through the operations, the others past them, shuffled."""

    def __init__(self, c: int, stride: int, names: Sequence[str], k: int) -> None:
        super().__init__(c // k, stride, names)
        self.k = k
        self.bypass = nn.MaxPool2d(2, 2, ceil_mode=True) if stride == 2 else nn.Identity()

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        return self.completed(x, super().forward(x[:, : x.shape[1] // self.k], weights))

    def kept(self, x: Tensor, keep: Tensor) -> Tensor | int:
        return self.completed(x, super().kept(x[:, : x.shape[1] // self.k], keep)) if keep.any() else 0

    def completed(self, x: Tensor, y: Tensor) -> Tensor:
        y = torch.cat([y, self.bypass(x[:, x.shape[1] // self.k :])], 1)
        n, c, h, w = y.shape
        return y.view(n, self.k, c // self.k, h, w).transpose(1, 2).reshape(n, c, h, w)


class Cell(nn.Module):
    """All 14 edges; node = sum over edges of beta * mixed operation, between two 1x1 convs if there is a bottleneck."""

    def __init__(
        self, c_prev_prev: int, c_prev: int, c: int, reduction: bool, after_reduction: bool, net: ReferenceSuperNet
    ) -> None:
        super().__init__()
        self.reduction = reduction
        self.pre0 = FactorizedReduce(c_prev_prev, c) if after_reduction else ReluConvBn(c_prev_prev, c)
        self.pre1 = ReluConvBn(c_prev, c)
        self.pairs = [(i, j) for j in range(2, 6) for i in range(j)]
        strides = [2 if reduction and i < 2 else 1 for i, _ in self.pairs]
        narrow = c // net.bottleneck
        self.edges = nn.ModuleList(
            PartialMixedOp(c, stride, net.names, net.k) if net.k > 1 else MixedOp(narrow, stride, net.names)
            for stride in strides
        )
        self.reduce, self.recover = (nn.ModuleList(nn.Identity() for _ in range(6)) for _ in range(2))
        if net.bottleneck > 1:
            for state in range(5):
                self.reduce[state] = nn.Sequential(conv(c, narrow, 1), bn(narrow))
            for node in range(2, 6):
                self.recover[node] = nn.Sequential(conv(narrow, c, 1), bn(c))

    def forward(self, s0: Tensor, s1: Tensor, op: Tensor, edge: Tensor, keep: Tensor | None = None) -> Tensor:
        states = [self.pre0(s0), self.pre1(s1)]
        narrow = [self.reduce[0](states[0]), self.reduce[1](states[1])]
        for j in range(2, 6):
            numbers = [n for n, pair in enumerate(self.pairs) if pair[1] == j]
            inputs = [narrow[self.pairs[n][0]] for n in numbers]
            if keep is None:
                total = sum(edge[n] * self.edges[n](x, op[n]) for n, x in zip(numbers, inputs, strict=True))
            else:
                total = sum(self.edges[n].kept(x, keep[n]) for n, x in zip(numbers, inputs, strict=True))
            states.append(self.recover[j](total))
            narrow.append(self.reduce[j](states[-1]))
        return torch.cat(states[2:], 1)


class ReferenceSuperNet(nn.Module):
    """DARTS' search net on CIFAR; with ``k`` > 1 that of PC-DARTS, whose edges have softmax weights of their own."""

    def __init__(
        self,
        c: int = 16,
        layers: int = 8,
        classes: int = 10,
        names: Sequence[str] = STANDARD,
        k: int = 1,
        bottleneck: int = 1,
    ) -> None:
        super().__init__()
        self.names, self.k, self.bottleneck = tuple(names), k, bottleneck
        self.stem = nn.Sequential(conv(3, 3 * c, 3, padding=1), bn(3 * c, affine=True))
        c_prev_prev, c_prev, after_reduction = 3 * c, 3 * c, False
        self.cells = nn.ModuleList()
        for layer in range(layers):
            reduction = layer in (layers // 3, 2 * layers // 3)
            c *= 2 if reduction else 1
            self.cells.append(Cell(c_prev_prev, c_prev, c, reduction, after_reduction, self))
            c_prev_prev, c_prev, after_reduction = c_prev, 4 * c, reduction
        self.classifier = nn.Linear(c_prev, classes)
        self.alphas = nn.ParameterList(nn.Parameter(1e-3 * torch.randn(14, len(names))) for _ in range(2))
        self.betas = nn.ParameterList(nn.Parameter(1e-3 * torch.randn(14)) for _ in range(2))

    def coefficients(self, kind: int) -> tuple[Tensor, Tensor]:
        op = self.alphas[kind].softmax(1)
        if self.k == 1:
            return op, torch.ones(14, dtype=op.dtype)
        return op, torch.cat([rows.softmax(0) for rows in self.betas[kind].split([2, 3, 4, 5])])

    def weights(self) -> list[nn.Parameter]:
        return [p for name, p in self.named_parameters() if not name.startswith(("alphas", "betas"))]

    def architecture(self) -> list[nn.Parameter]:
        return [*self.alphas, *(self.betas if self.k > 1 else ())]

    def forward(
        self, images: Tensor, keep: Sequence[Tensor] | None = None, mixed: Sequence[int] | None = None
    ) -> Tensor:
        """Logits; with masks for the two kinds, all cells but the ``mixed`` ones are EnTranNAS' transit cells."""
        s0 = s1 = self.stem(images)
        for number, cell in enumerate(self.cells):
            kind = int(cell.reduction)
            transit = keep is not None and number not in (mixed or ())
            s0, s1 = s1, cell(s0, s1, *self.coefficients(kind), keep[kind] if transit and keep else None)
        return self.classifier(s1.mean((2, 3)))


def pairs_of_parameters(reference: ReferenceSuperNet, net: nn.Module) -> list[tuple[nn.Parameter, nn.Parameter]]:
    """Pairs each parameter of a reference with its counterpart in a `SuperNet`; a shared one has several."""
    pairs = [*zip(reference.stem.parameters(), net.stem.parameters(), strict=True)]
    pairs += zip(reference.classifier.parameters(), net.head.parameters(), strict=True)
    for theirs, ours in zip(reference.cells, net.cells, strict=True):
        for name in ("pre0", "pre1"):
            pairs += zip(getattr(theirs, name).parameters(), getattr(ours, name).parameters(), strict=True)
        for (source, target), edge in zip(theirs.pairs, theirs.edges, strict=True):
            for name, op in zip(reference.names, edge.ops, strict=True):
                if parameters := list(op.parameters()):
                    shared, own = f"{source}_{name}", f"{source}_{target}_{name}"
                    feature = ours.features[shared if shared in ours.features else own]
                    pairs += zip(parameters, feature.parameters(), strict=True)
        if reference.bottleneck > 1:
            for name in ("reduce", "recover"):
                modules = getattr(ours.channels, name)
                for number, module in modules.items():
                    pairs += zip(getattr(theirs, name)[int(number)].parameters(), module.parameters(), strict=True)
    for number, kind in enumerate(("normal", "reduction")):
        pairs.append((reference.alphas[number], net.relaxation.alpha[kind]))
        if reference.k > 1:
            pairs.append((reference.betas[number], net.relaxation.edge_alpha[kind]))
    return pairs


def load(reference: ReferenceSuperNet, net: nn.Module) -> ReferenceSuperNet:
    """Returns the reference with the parameters of a `SuperNet`."""
    with torch.no_grad():
        for theirs, ours in pairs_of_parameters(reference, net):
            theirs.copy_(ours)
    return reference
