"""The search for the pass that changes what a net computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from genocc.graph import Graph
from genocc.passes.base import Parameters, Pass, run_passes

if TYPE_CHECKING:
    from genocc.passes.base import Array

Evaluate = Callable[[Graph, Parameters], "Array"]
"""Computes a graph's logits for images that stay the same."""

TOLERANCE = 1e-10
"""Rounding errors of float64 stay well below this in nets of a hundred layers."""


@dataclass(frozen=True)
class Bisection:
    """Distance of the logits from those before any pass.

    Attributes:
        errors: The largest difference after each pass, in order, relative to the largest logit; up to the first that
            is too large.
        culprit: The pass behind that one; None if there is none.
    """

    errors: dict[str, float]
    culprit: str | None


def bisect(
    graph: Graph,
    parameters: Parameters,
    passes: Sequence[Pass],
    evaluate: Evaluate,
    tolerance: float = TOLERANCE,
) -> Bisection:
    """Runs passes in order until one changes the logits.

    Args:
        graph: Before any pass.
        parameters: Its arrays; in float64, so that nothing but a wrong rewrite exceeds the tolerance.
        passes: The passes, in order.
        evaluate: Computes the logits.
        tolerance: The largest relative difference that is rounding.

    Raises:
        InternalError: A pass broke the graph; the message names it.
    """
    expected = evaluate(graph, parameters)
    errors: dict[str, float] = {}
    for step in passes:
        graph, parameters = run_passes(graph, parameters, [step])
        error = float(abs(evaluate(graph, parameters) - expected).max() / abs(expected).max())
        errors[str(step)] = error
        if not error <= tolerance:  # also where it is NaN
            return Bisection(errors, str(step))
    return Bisection(errors, None)
