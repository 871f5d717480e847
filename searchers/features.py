"""What the candidates of a super-net hand to its nodes: maps whose last 1x1 convolution and BN are not computed.

A `Feature` is BN(W z), BN(z) or z. A node needs none of their pixels, only their weighted sum (see `maps`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from genocc.exporters.constructs import BatchNorm2d
from torch import Tensor

from .maps import moments, weighted_sum


class State:
    """A state of a cell, and what several of its readers would compute again: its ReLU, above all."""

    def __init__(self, map: Tensor) -> None:
        self.map = map
        self._known: dict[str, Tensor] = {}

    @property
    def rectified(self) -> Tensor:
        """Its ReLU."""
        return self.once("rectified", torch.relu)

    def once(self, name: str, function: Callable[[Tensor], Tensor]) -> Tensor:
        """Returns a function of its map, computed when first asked for."""
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
        weight = self.weight.mT
        return weighted_sum([self.map], [weight], weight.new_zeros(weight.shape[1]))


class Feature:
    """What a candidate adds to a node: BN(W z), BN(z) or z itself, not computed.

    Attributes:
        map: z.
        weight: W (C, C_in), or None.
        norm: Where the running statistics are, or None.
        statistics: Mean and 1/deviation of what BN sees, (C,) each, once `normalize` has found them.
    """

    def __init__(self, map: Tensor, weight: Tensor | None = None, norm: BatchNorm2d | None = None) -> None:
        self.map, self.weight, self.norm = map, weight, norm
        self.statistics: tuple[Tensor, Tensor] | None = None

    def computed(self) -> Tensor:
        """Returns its map (.., C)."""
        return combine([self], self.map.new_ones(1, dtype=torch.promote_types(self.map.dtype, torch.float32)))


def combine(
    features: Sequence[Feature], coefficients: Tensor, *, others: Sequence[tuple[Tensor, Tensor]] = ()
) -> Tensor:
    """Returns the map sum over t of coefficients[t] * features[t]: the formula of a node.

    Args:
        features: T of them, of one width C.
        coefficients: (T,).
        others: Further (map, matrix) terms of the sum.
    """
    normalize(features)
    maps, matrices, biases = [x for x, _ in others], [matrix for _, matrix in others], []
    dense = [t for t, feature in enumerate(features) if feature.weight is not None]
    light = [t for t, feature in enumerate(features) if feature.weight is None and feature.norm is not None]
    plain = [t for t, feature in enumerate(features) if feature.norm is None]
    for chosen in (dense, light):
        if chosen:
            found = [features[t] for t in chosen]
            mean, inverse = (torch.stack(values) for values in zip(*(f.statistics or () for f in found), strict=True))
            scale = coefficients[chosen, None] * inverse
            biases.append(-(scale * mean).sum(0))
            if chosen is dense:
                weights = torch.stack([f.weight for f in found if f.weight is not None])
                matrices += (weights * scale[:, :, None]).mT.unbind()
            else:
                matrices += scale.unbind()
            maps += [f.map for f in found]
    for t in plain:
        maps.append(features[t].map)
        matrices.append(coefficients[t].expand(maps[-1].shape[-1]))
    width = matrices[0].shape[-1]
    bias = torch.stack(biases).sum(0) if biases else coefficients.new_zeros(width)
    return weighted_sum(maps, matrices, bias)


def normalize(features: Sequence[Feature]) -> None:
    """Finds the statistics of all features that lack them, of like features at once, and updates the running ones."""
    waiting = {id(f): f for f in features if f.norm is not None and f.statistics is None}
    for _, group in groupby(sorted(waiting.values(), key=_likeness), key=_likeness):
        found = list(group)
        norms = [f.norm for f in found if f.norm is not None]
        if norms[0].training:
            mean, variance = _batch_statistics(found, norms)
        else:
            mean = torch.stack([_running(norm)[0] for norm in norms])
            variance = torch.stack([_running(norm)[1] for norm in norms])
        inverse = (variance + norms[0].eps).rsqrt()
        for f, statistics in zip(found, zip(mean.unbind(), inverse.unbind(), strict=True), strict=True):
            f.statistics = statistics


def _batch_statistics(features: list[Feature], norms: list[BatchNorm2d]) -> tuple[Tensor, Tensor]:
    """Mean and variance (T, C) of what each BN sees: of W z from the moments of z."""
    full = features[0].weight is not None
    first, second = (torch.stack(m) for m in zip(*(moments(f.map, full=full) for f in features), strict=True))
    if full:
        weights = torch.stack([f.weight for f in features if f.weight is not None])
        mean = (weights @ first[:, :, None])[:, :, 0]
        covariance = second - first[:, :, None] * first[:, None, :]
        variance = ((weights @ covariance) * weights).sum(2).clamp(min=0)
    else:
        mean, variance = first, (second - first * first).clamp(min=0)
    count = features[0].map.numel() // features[0].map.shape[-1]
    with torch.no_grad():
        unbiased = variance * (count / max(count - 1, 1))
        for norm, m, v in zip(norms, mean.unbind(), unbiased.unbind(), strict=True):
            running_mean, running_var = _running(norm)
            running_mean.lerp_(m, norm.momentum)
            running_var.lerp_(v, norm.momentum)
    return mean, variance


def _running(norm: BatchNorm2d) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    return norm.running_mean, norm.running_var


def _likeness(feature: Feature) -> tuple[Any, ...]:
    assert feature.norm is not None
    shape = tuple(feature.weight.shape) if feature.weight is not None else (feature.map.shape[-1],)
    return (len(shape), shape, feature.map.numel(), feature.norm.eps, feature.norm.momentum, feature.norm.training)


def computed(value: Any) -> Tensor:
    """Returns a value as a map."""
    if isinstance(value, State):
        return value.map
    result: Tensor = value if isinstance(value, Tensor) else value.computed()
    return result
