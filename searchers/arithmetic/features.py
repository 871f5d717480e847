"""Features: what candidates hand to their nodes, maps whose last 1x1 convolution and BN are not computed.

A `Feature` is BN(W z), BN(z) or z. A node needs none of their pixels, only their weighted sum (see `maps`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

import torch
from torch import Tensor, distributed

from genocc.nn.batch_norm import mean_over_processes
from genocc.nn.primitives import BatchNorm2d

from .maps import moments, weighted_sum, without_autocast


class CellState:
    """The map of a cell's state, and what several of its readers would compute again: its ReLU, above all.

    Attributes:
        map: (B, H, W, F, C); see `maps`.
    """

    def __init__(self, map: Tensor) -> None:
        self.map = map
        self._known: dict[str, Any] = {}

    @property
    def rectified(self) -> CellState:
        """The ReLU of it."""
        rectified: CellState = self.once("rectified", lambda map: CellState(map.relu()))
        return rectified

    @property
    def thinned(self) -> CellState:
        """Every second row and column of it, the first included."""
        thinned: CellState = self.once("thinned", lambda map: CellState(map[:, ::2, ::2].contiguous()))
        return thinned

    def once(self, name: str, function: Callable[[Tensor], Any]) -> Any:
        """Returns ``function(map)``, computed on the first call with this name."""
        if name not in self._known:
            self._known[name] = function(self.map)
        return self._known[name]


@dataclass(frozen=True)
class Product:
    """A 1x1 convolution that has not been computed: of a map (.., C_in) with a weight (C, C_in)."""

    map: Tensor
    weight: Tensor

    def computed(self) -> Tensor:
        """Returns the map (.., C)."""
        return weighted_sum([self.map], [self.weight.mT], self.weight.new_zeros(len(self.weight)))


class Feature:
    """Contribution of a candidate to a node, not computed: BN(W z), BN(z) or z itself.

    Attributes:
        map: z.
        weight: W (C, C_in), or None.
        norm: The BN, which holds the running statistics, or None.
        mean: (C,), of BN's input; set by `normalize`.
        inverse: (C,), one over the standard deviation of BN's input; set by `normalize`.
    """

    mean: Tensor
    inverse: Tensor

    def __init__(self, map: Tensor, weight: Tensor | None = None, norm: BatchNorm2d | None = None) -> None:
        self.map, self.weight, self.norm = map, weight, norm
        self.normalized = norm is None

    @property
    def kind(self) -> Literal["plain", "normalized", "pointwise"]:
        """Whether it is z, BN(z) or BN(W z)."""
        if self.norm is None:
            return "plain"
        return "pointwise" if self.weight is not None else "normalized"

    def computed(self) -> Tensor:
        """Returns the map (.., C) of what is described."""
        if self.norm is None:
            return self.map
        normalize([self])
        matrix = self.inverse if self.weight is None else (self.weight * self.inverse[:, None]).mT
        return weighted_sum([self.map], [matrix], -self.inverse * self.mean)


def combine(features: Sequence[Feature], coefficients: Tensor) -> Tensor:
    """Returns the map of a node: the sum over t of coefficients[t] * features[t].

    Args:
        features: T of them, of one width C.
        coefficients: (T,).
    """
    normalize(features)
    first = features[0]
    width = first.map.shape[-1] if first.weight is None else len(first.weight)
    order = sorted(range(len(features)), key=lambda t: features[t].kind)
    if order != list(range(len(features))):
        features, coefficients = [features[t] for t in order], coefficients[order]
    kinds = [list(group) for _, group in groupby(features, key=lambda feature: feature.kind)]
    matrices: list[Tensor] = []
    bias = coefficients.new_zeros(width)
    parts = torch.split(coefficients[:, None], [len(found) for found in kinds])
    for found, scales in zip(kinds, parts, strict=True):
        if found[0].kind == "plain":
            matrices += scales.expand(-1, width).unbind()
            continue
        scales = scales * torch.stack([f.inverse for f in found])
        bias = bias - (scales * torch.stack([f.mean for f in found])).sum(0)
        if found[0].kind == "pointwise":
            matrices += (_weights(found) * scales[:, :, None]).mT.unbind()
        else:
            matrices += scales.unbind()
    return weighted_sum([f.map for f in features], matrices, bias)


def normalize(features: Sequence[Feature]) -> None:
    """Sets ``mean`` and ``inverse`` of the features that lack them, and updates their BN's running statistics.

    Features of the same shapes are stacked, so that their statistics are a few large operations, not many small ones,
    and one exchange where processes share a batch. Others are exchanged on their own: what no loss depends on has no
    gradient then, in several processes as in one.
    """
    waiting = list({id(f): f for f in features if not f.normalized}.values())
    for _, group in groupby(sorted(waiting, key=_likeness), key=_likeness):
        found = list(group)
        norms = [f.norm for f in found if f.norm is not None]
        if norms[0].training:
            shares = distributed.get_world_size() if norms[0].synchronized else 1
            means, variances = _batch_statistics(found, shares)
            _update(norms, means.detach(), variances.detach(), pixels=shares * found[0].map[..., 0].numel())
        else:
            means, variances = (torch.stack(values) for values in zip(*map(_running, norms), strict=True))
        inverses = (variances + norms[0].eps).rsqrt()
        for f, mean, inverse in zip(found, means.unbind(), inverses.unbind(), strict=True):
            f.mean, f.inverse, f.normalized = mean, inverse, True


def _batch_statistics(features: list[Feature], shares: int) -> tuple[Tensor, Tensor]:
    """Means and variances (T, C) of the inputs of the BNs; of W z, they come from the moments of z.

    Of a batch in several processes' shares, the moments are means of those of all shares.
    """
    pointwise = features[0].weight is not None
    first, second = [], []
    for f in features:
        f.map, mean, square = moments(f.map, full=pointwise)
        first.append(mean)
        second.append(square)
    means, squares = torch.stack(first), torch.stack(second)
    if shares > 1:
        means, squares = mean_over_processes(means, squares)
    if not pointwise:
        return means, (squares - means * means).clamp(min=0)
    weights = _weights(features)
    with without_autocast(weights.device):  # statistics keep float32 whatever the features are
        covariances = squares - means[:, :, None] * means[:, None, :]
        variances = ((weights @ covariances) * weights).sum(2).clamp(min=0)
        return (weights @ means[:, :, None])[:, :, 0], variances


def _update(norms: list[BatchNorm2d], means: Tensor, variances: Tensor, pixels: int) -> None:
    unbiased = variances * (pixels / max(pixels - 1, 1))
    running_means, running_variances = zip(*map(_running, norms), strict=True)
    torch._foreach_lerp_(running_means, means.unbind(), norms[0].momentum)  # of all norms: see `_likeness`
    torch._foreach_lerp_(running_variances, unbiased.unbind(), norms[0].momentum)


def _running(norm: BatchNorm2d) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    return norm.running_mean, norm.running_var


def _weights(features: list[Feature]) -> Tensor:
    return torch.stack([f.weight for f in features if f.weight is not None])


def _likeness(feature: Feature) -> tuple[Any, ...]:
    """Sort key of `normalize`: features with equal keys are stacked."""
    assert feature.norm is not None
    shape = feature.map.shape if feature.weight is None else (*feature.map.shape, *feature.weight.shape)
    return (len(shape), tuple(shape), feature.norm.eps, feature.norm.momentum, feature.norm.training)
