"""What a verification says: the worst of all comparisons."""

from __future__ import annotations

import math

from genocc.verification import Comparison, MismatchError, Verification


def test_a_mismatch_says_what_to_do() -> None:
    found = Verification(
        "cpu", "untrained", 1e-4, (Comparison("x", 1, 0.5, 0.25, 1.0), Comparison("x", 3, 0.1, 0.5, 0.0))
    )
    assert (found.max_abs, found.max_rel, found.top1_agreement, found.ok) == (0.5, 0.5, 0.25, False)
    assert "net.onnx: not written: it differs from PyTorch by 5.0e-01" in str(MismatchError("net.onnx", found))


def test_an_error_that_is_not_finite_is_null_in_json() -> None:
    found = Verification("cpu", "untrained", 1e-4, (Comparison("x", 1, math.inf, math.inf, 0.0),))
    data = found.to_dict()
    assert not found.ok
    assert (data["max_abs"], data["max_rel"], data["comparisons"][0]["max_rel"]) == (None, None, None)
    assert (data["top1_agreement"], data["tolerance"], data["comparisons"][0]["runtime"]) == (0.0, 1e-4, "x")


def test_the_tolerance_itself_is_accepted() -> None:
    exact = Verification("cpu", "untrained", 1e-4, (Comparison("x", 1, 1.0, 1e-4, 1.0),))
    assert exact.ok
