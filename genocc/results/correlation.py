"""Kendall's rank correlation: how well the order of one measure predicts the order of another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genocc.errors import TableError

MAX_ROWS = 20_000
"""Pairs are counted one by one; this many rows take seconds."""


@dataclass(frozen=True)
class Correlation:
    """Kendall's tau in its three variants, and the pairs of rows that it counts.

    A pair is concordant where both measures order it the same way, discordant where they differ, tied where a measure
    has no order for it.

    Attributes:
        rows: How many.
        pairs: n (n - 1) / 2.
        concordant: Pairs.
        discordant: Pairs.
        ties_x: Pairs with equal x, whether y is equal or not.
        ties_y: Pairs with equal y, whether x is equal or not.
        ties_both: Pairs that are in both of these.
        tau_a: (concordant - discordant) / pairs: ties count as no agreement.
        tau_b: The same difference over sqrt((pairs - ties_x) (pairs - ties_y)), so that 1 can be reached in spite of
            ties on both sides alike; None where a measure is constant and there is nothing to order.
        tau_c: Stuart's, for measures with different numbers of values; None as above.
        p_value: Of tau_b, two-sided: how often chance alone gives as much; None as above.
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
        x: Finite numbers.
        y: As many.

    Raises:
        TableError: There are fewer than two rows, or more than can be counted.
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
    """1 where an other is larger, -1 where it is smaller; without a difference, which could overflow."""
    return (others > value).astype(np.int8) - (others < value).astype(np.int8)
