"""Kendall's rank correlation: how well the order of rows by one measure predicts their order by another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genocc.errors import TableError

MAX_ROWS = 20_000
"""All pairs are compared, which takes seconds for this many rows."""


@dataclass(frozen=True)
class Correlation:
    """Kendall's tau in its three variants, and the pairs of rows that it counts.

    A pair is concordant where both measures order it the same way, discordant where they differ, tied where a measure
    has no order for it.

    Attributes:
        rows: Number of rows.
        pairs: n (n - 1) / 2.
        concordant: Number of concordant pairs.
        discordant: Number of discordant pairs.
        ties_x: Number of pairs with equal x, whether y is equal or not.
        ties_y: Number of pairs with equal y, whether x is equal or not.
        ties_both: Number of pairs with equal x and equal y.
        tau_a: (concordant - discordant) / pairs: ties count as no agreement.
        tau_b: (concordant - discordant) / sqrt((pairs - ties_x) (pairs - ties_y)), which reaches 1 where both measures
            have the same ties; None where a measure is constant.
        tau_c: Stuart's tau-c, for measures with different numbers of distinct values; None where a measure is constant.
        p_value: Of tau_b, two-sided, against independent measures; None where a measure is constant.
    """

    rows: int
    pairs: int
    concordant: int
    discordant: int
    ties_x: int
    ties_y: int
    ties_both: int
    tau_a: float
    tau_b: float | None
    tau_c: float | None
    p_value: float | None

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data."""
        return asdict(self)


def correlate(x: Sequence[float], y: Sequence[float]) -> Correlation:
    """Returns Kendall's tau between two measures of the same rows.

    Args:
        x: Finite numbers, one per row.
        y: As many finite numbers.

    Raises:
        TableError: There are fewer than two rows, or more than ``MAX_ROWS``.
    """
    from scipy.stats import kendalltau

    if not 2 <= len(x) <= MAX_ROWS:
        raise TableError(f"{len(x):,} rows; expected 2 to {MAX_ROWS:,}")
    first, second = np.asarray(x, float), np.asarray(y, float)
    concordant = discordant = ties_x = ties_y = ties_both = 0
    for row in range(len(first) - 1):
        a, b = (_order(values[row], values[row + 1 :]) for values in (first, second))
        concordant += int((a * b > 0).sum())
        discordant += int((a * b < 0).sum())
        ties_x += int((a == 0).sum())
        ties_y += int((b == 0).sum())
        ties_both += int(((a == 0) & (b == 0)).sum())
    pairs = math.comb(len(first), 2)
    constant = pairs in (ties_x, ties_y)
    b_test, c_test = (None if constant else kendalltau(first, second, variant=variant) for variant in ("b", "c"))
    return Correlation(
        len(first),
        pairs,
        concordant,
        discordant,
        ties_x,
        ties_y,
        ties_both,
        (concordant - discordant) / pairs,
        None if b_test is None else float(b_test.statistic),
        None if c_test is None else float(c_test.statistic),
        None if b_test is None else float(b_test.pvalue),
    )


def _order(value: float, others: NDArray[np.float64]) -> NDArray[np.int8]:
    """1 where an other is larger, -1 where it is smaller; by comparison, since a difference could overflow."""
    return (others > value).astype(np.int8) - (others < value).astype(np.int8)
