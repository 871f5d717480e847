"""The cost model: what a unit costs, fitted to the latencies of whole nets.

A net's latency is the sum over its units u of t(u) = w(u) . theta(kind of u) + d(key of u): a line in calls, bytes and
MACs for each kind (fixed effects, no coefficient below zero), and what the units of one kind and one shape differ from
that line (random effects). This is the mixed linear model of Henderson (Biometrics 31, 1975, Equations 1 to 3); d has
mean zero and a deviation of ``ratio`` times that of the measurements, both relative to what they describe. A shape that
was measured often gets its own cost, one that was not lies on the line of its kind. The ratio is chosen by
cross-validation over nets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genocc.latency.units import Unit, Work

Vector = NDArray[np.float64]

RATIOS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""Candidates for the deviation of a unit from its line over that of the measurement of a net."""
FOLDS = 6
_LEAST = 0.02
"""The smallest cost that a unit may deviate from, over the mean cost of the units: of what its line makes free."""


@dataclass(frozen=True)
class Costs:
    """A fitted model.

    Attributes:
        kinds: Kind of unit -> seconds per call, byte and MAC.
        deviations: Key of a unit that was measured -> seconds that are added to its line.
        ratio: The one that was chosen.
    """

    kinds: Mapping[str, Work]
    deviations: Mapping[str, float]
    ratio: float

    def of(self, unit: Unit) -> float:
        """Returns a unit's seconds; raises KeyError where no unit of its kind was measured."""
        line = sum(cost * work for cost, work in zip(self.kinds[unit.kind], unit.work, strict=True))
        return max(line + self.deviations.get(unit.key, 0.0), 0.0)


@dataclass(frozen=True)
class Fit:
    """A model, and how it predicts nets that were left out of its fit, by cross-validation.

    Attributes:
        costs: Fitted to all nets.
        held_out: Predicted seconds of each net, by the model of the folds without it.
        condition: Condition number of the covariance of the latencies, which the fit divides by.
    """

    costs: Costs
    held_out: tuple[float, ...]
    condition: float


def fit(nets: Sequence[Sequence[Unit]], seconds: Sequence[float]) -> Fit:
    """Returns the model of the units of some nets and their latencies; the ratio is that of the least mean error."""
    system = _System(nets, seconds)
    folds = [np.arange(len(nets)) % FOLDS == fold for fold in range(FOLDS)]
    held_out: dict[float, Vector] = {ratio: np.zeros(len(nets)) for ratio in RATIOS}
    for fold in folds:
        lines = system.lines(~fold)
        for ratio in RATIOS:
            costs = system.solve(~fold, ratio, lines)
            held_out[ratio][fold] = system.counts[fold] @ costs
    errors = {ratio: float(np.mean(np.abs(found / system.seconds - 1))) for ratio, found in held_out.items()}
    best = min(RATIOS, key=lambda ratio: errors[ratio])
    model, condition = system.model(best)
    return Fit(model, tuple(map(float, held_out[best])), condition)


class _System:
    """The linear equations: a row per net, divided by its latency, so that all errors are relative."""

    def __init__(self, nets: Sequence[Sequence[Unit]], seconds: Sequence[float]) -> None:
        self.seconds = np.array(seconds, float)
        self.units = {unit.key: unit for net in nets for unit in net}
        self.kinds = list(dict.fromkeys(unit.kind for unit in self.units.values()))
        place = {key: number for number, key in enumerate(self.units)}
        self.counts = np.zeros((len(nets), len(place)))
        for row, net in enumerate(nets):
            for unit in net:
                self.counts[row, place[unit.key]] += 1
        width = len(_WORK)
        self.work = np.zeros((len(place), width * len(self.kinds)))
        for row, unit in enumerate(self.units.values()):
            first = width * self.kinds.index(unit.kind)
            self.work[row, first : first + width] = unit.work
        self.rows = self.counts / self.seconds[:, None]

    def lines(self, chosen: NDArray[np.bool_]) -> Vector:
        """Theta without random effects."""
        return _non_negative(self.rows[chosen] @ self.work, np.ones(int(chosen.sum())))

    def scale(self, lines: Vector) -> Vector:
        """What a deviation is relative to: a unit's cost on its line."""
        costs: Vector = self.work @ lines
        return np.maximum(costs, _LEAST * max(float(costs.mean()), 1e-12))

    def covariance(self, chosen: NDArray[np.bool_], ratio: float, scale: Vector) -> NDArray[np.float64]:
        """Of the relative latencies, in units of the variance of their measurement."""
        effects = self.rows[chosen] * scale * ratio
        found: NDArray[np.float64] = np.eye(len(effects)) + effects @ effects.T
        return found

    def solve(self, chosen: NDArray[np.bool_], ratio: float, lines: Vector) -> Vector:
        """Returns the cost of each unit, by key, from the nets that are chosen."""
        theta, deviations = self._effects(chosen, ratio, lines)
        return np.maximum(self.work @ theta + deviations, 0.0)

    def _effects(self, chosen: NDArray[np.bool_], ratio: float, lines: Vector) -> tuple[Vector, Vector]:
        """Theta by generalized least squares, then the best linear prediction of the deviations."""
        scale = self.scale(lines)
        covariance = self.covariance(chosen, ratio, scale)
        root = np.linalg.cholesky(covariance)
        rows, ones = self.rows[chosen], np.ones(int(chosen.sum()))
        theta = _non_negative(np.linalg.solve(root, rows @ self.work), np.linalg.solve(root, ones))
        left = np.linalg.solve(covariance, ones - rows @ (self.work @ theta))
        return theta, (ratio * scale) ** 2 * (rows.T @ left)

    def model(self, ratio: float) -> tuple[Costs, float]:
        """Returns the model of all nets, and the condition number of their covariance."""
        everything = np.ones(len(self.seconds), bool)
        lines = self.lines(everything)
        theta, deviations = self._effects(everything, ratio, lines)
        coefficients = theta.reshape(len(self.kinds), len(_WORK))
        kinds = {kind: _triple(row) for kind, row in zip(self.kinds, coefficients, strict=True)}
        costs = Costs(kinds, dict(zip(self.units, map(float, deviations), strict=True)), ratio)
        return costs, float(np.linalg.cond(self.covariance(everything, ratio, self.scale(lines))))


_WORK = ("call", "byte", "MAC")


def _triple(row: Any) -> Work:
    call, byte, mac = map(float, row)
    return call, byte, mac


def _non_negative(matrix: Any, wanted: Vector) -> Vector:
    """Least squares without negative coefficients, the columns scaled to length one; zero for columns of zeros."""
    from scipy.optimize import nnls

    lengths = np.linalg.norm(matrix, axis=0)
    used = lengths > 0
    result = np.zeros(matrix.shape[1])
    result[used] = nnls(matrix[:, used] / lengths[used], wanted, maxiter=50 * matrix.shape[1])[0] / lengths[used]
    return result


def errors(predicted: Sequence[float], measured: Sequence[float]) -> tuple[float, float]:
    """Returns the median and the 90th percentile of the relative errors."""
    found = [abs(p / m - 1) for p, m in zip(predicted, measured, strict=True)]
    return median(found), float(np.quantile(found, 0.9))
