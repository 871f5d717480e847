"""A pass on a graph that is written down: text in, text out, and the numbers compared on the way."""

from __future__ import annotations

from textwrap import dedent

from genocc.passes import Parameters, Pass, run_passes
from tests.graph_text import parse
from tests.reference import evaluate, random_image, random_parameters, relative_error


def rewrite(step: Pass, text: str) -> str:
    """Returns the text of the graph that a pass makes of another, having checked that it computes the same."""
    graph = parse(text)
    arrays, image = random_parameters(graph, seed=3), random_image(graph, seed=4)
    result, parameters = run_passes(graph, Parameters.of(arrays), [step])
    assert relative_error(evaluate(result, parameters, image), evaluate(graph, arrays, image)) < 1e-12
    return str(result)


def lines(text: str) -> str:
    """Returns an indented block of lines as a graph prints them."""
    return dedent(text).lstrip("\n")


def unchanged(step: Pass, text: str) -> bool:
    """Whether a pass leaves a graph as it is, down to the objects."""
    graph = parse(text)
    parameters = Parameters.absent(graph)
    result = step.run(graph, parameters)
    return result[0] is graph and result[1] is parameters
