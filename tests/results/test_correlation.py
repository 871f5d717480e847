"""Kendall's tau: against a count over all pairs of fractions, with ties, infinite differences and constant columns."""

import math
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocc.errors import TableError
from genocc.results.correlation import MAX_ROWS, correlate

FEW = st.integers(-2, 2).map(float)
ANY = st.floats(allow_nan=False, allow_infinity=False)
ROWS = st.lists(st.tuples(FEW, FEW), min_size=2, max_size=12) | st.lists(st.tuples(ANY, FEW), min_size=2, max_size=12)


@given(ROWS)
def test_it_is_what_counting_all_pairs_finds(rows: list[tuple[float, float]]) -> None:
    x, y = zip(*rows, strict=True)
    found = correlate(x, y)
    signs = [((a[0] > b[0]) - (a[0] < b[0]), (a[1] > b[1]) - (a[1] < b[1])) for a, b in combinations(rows, 2)]
    concordant, discordant = (sum(a * b == sign for a, b in signs) for sign in (1, -1))
    ties_x, ties_y = sum(a == 0 for a, _ in signs), sum(b == 0 for _, b in signs)
    assert found.rows == len(rows)
    assert found.pairs == len(signs)
    assert (found.concordant, found.discordant) == (concordant, discordant)
    assert (found.ties_x, found.ties_y) == (ties_x, ties_y)
    assert found.ties_both == sum(a == b == 0 for a, b in signs)
    assert found.pairs == concordant + discordant + ties_x + ties_y - found.ties_both
    assert found.tau_a == pytest.approx(float(Fraction(concordant - discordant, len(signs))))
    if len(signs) in (ties_x, ties_y):
        assert found.tau_b is found.tau_c is found.p_value is None
        return
    scale = math.sqrt((len(signs) - ties_x) * (len(signs) - ties_y))
    assert found.tau_b == pytest.approx((concordant - discordant) / scale)
    values = min(len(set(x)), len(set(y)))
    assert found.tau_c == pytest.approx(2 * values * (concordant - discordant) / (len(rows) ** 2 * (values - 1)))
    assert found.p_value is not None
    assert 0 <= found.p_value <= 1


def test_the_same_order_is_1_and_the_opposite_minus_1() -> None:
    x = [0.9, 0.1, 0.5, 0.7, 0.3]
    for sign in (1, -1):
        found = correlate(x, [sign * value**3 for value in x])
        assert (found.tau_a, found.tau_b, found.tau_c) == pytest.approx((sign, sign, sign))
        assert found.p_value == pytest.approx(2 / math.factorial(5))  # two of all orders agree or disagree as much


@pytest.mark.parametrize("rows", [0, 1, MAX_ROWS + 1])
def test_too_few_and_too_many_rows_are_refused(rows: int) -> None:
    with pytest.raises(TableError, match=f"{rows:,} rows; expected 2 to"):
        correlate([0.0] * rows, [0.0] * rows)
