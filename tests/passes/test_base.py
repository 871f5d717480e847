"""How passes run and rewrite: lazy arrays, what a rewriter keeps, and who is blamed for a broken graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from genocc import Genotype, Graph, NetworkConfig, lower
from genocc.errors import InternalError
from genocc.graph import GraphBuilder
from genocc.passes import PASSES, Parameters, Pass, Rewriter, run_passes
from genocc.primitives import Add, Concat, Conv2d, Input, Relu


def test_a_pass_that_breaks_the_graph_is_blamed() -> None:
    class Break(Pass):
        name = "break"

        def rewrite(self, graph: Graph, parameters: Parameters) -> tuple[Graph, Parameters]:
            (first, *_) = (name for name in graph.nodes if name != graph.input.name)
            return Graph({name: node for name, node in graph.nodes.items() if name != first}, graph.outputs), parameters

        def run(self, graph: Graph, parameters: Parameters) -> tuple[Graph, Parameters]:
            return self.rewrite(graph, parameters)

    cell = {"nodes": [[{"op": "conv_1x1", "from": 0}]], "concat": [2]}
    genotype = Genotype.from_dict({"name": "n", "cells": {"normal": cell, "reduction": cell}})
    graph = lower(genotype, NetworkConfig.make(channels=4, layers=1))
    with pytest.raises(InternalError, match=r"pass 'break' \(after fold-batch-norm\): %\S+: reads %stem\.conv before"):
        run_passes(graph, Parameters.absent(graph), [PASSES["fold-batch-norm"], Break()])


def test_rewriter_drops_what_lost_its_last_reader_and_nothing_else(darts_v2: Genotype) -> None:
    graph = lower(darts_v2, NetworkConfig.make(channels=4, layers=2))
    rewriter = Rewriter(graph, Parameters.absent(graph))
    for node in graph.nodes.values():
        if node.name == "head.mean":
            rewriter.values[node.name] = rewriter.emit(node.name, node.primitive, rewriter.values["cells.0.concat"])
        else:
            rewriter.keep(node)
    left, _ = rewriter.finish()
    assert not [name for name in left.nodes if name.startswith("cells.1.")]
    assert [name for name in graph.nodes if name not in left.nodes and not name.startswith("cells.1.")] == []


def diamond() -> Graph:
    """Two branches that are summed, and one whose value nobody reads."""
    b = GraphBuilder()
    b.add("image", Input(2, 3, 3))
    b.add("left", Relu(), "image")
    b.add("right", Conv2d(2, (1, 1)), "image")
    b.add("dead", Relu(), "right")
    b.add("sum", Add(), "left", "right")
    return b.build(y="sum")


def test_what_is_replaced_keeps_its_name_or_gets_a_new_value() -> None:
    graph, weight = diamond(), np.ones((2, 2, 1, 1))
    rewriter = Rewriter(graph, Parameters.of({"right.weight": weight}))

    def wider(node: Any) -> str:
        return rewriter.emit(node.name, Conv2d(2, (1, 1)), rewriter.bypass(node), weight=lambda: 2 * weight)

    result, parameters = rewriter.replace({"right": wider, "dead": rewriter.bypass, "left": rewriter.bypass})
    assert str(result) == (
        "%image = input() channels=2 height=3 width=3 : (N, 2, 3, 3)\n"
        "%right = conv2d(%image) channels=2 kernel=1x1 : (N, 2, 3, 3)\n"
        "%sum = add(%image, %right) : (N, 2, 3, 3)\n"
        "return y = %sum\n"
    )
    np.testing.assert_array_equal(parameters["right.weight"], 2 * weight)


def test_what_is_dropped_is_gone_and_all_else_stays() -> None:
    graph, parameters = diamond(), Parameters.of({"right.weight": np.ones((2, 2, 1, 1))})
    result, left = Rewriter(graph, parameters).replace(dropped={"dead"})
    assert list(result.nodes) == ["image", "left", "right", "sum"]
    assert left["right.weight"] is parameters["right.weight"]
    same, _ = Rewriter(graph, parameters).replace()
    assert str(same) == str(graph)


def test_what_replaces_a_node_counts_though_it_is_dropped() -> None:
    rewriter = Rewriter(diamond(), Parameters({}))
    result, _ = rewriter.replace({"dead": rewriter.bypass, "left": rewriter.bypass}, dropped={"dead", "left"})
    assert result.nodes["sum"].inputs == ("image", "right")


def test_a_concat_of_the_same_values_is_found_again() -> None:
    rewriter = Rewriter(diamond(), Parameters({}))
    rewriter.add("image", Input(2, 3, 3))
    first = rewriter.concat("both", "image", "image")
    assert rewriter.concat("again", "image", "image") == first
    assert rewriter.concat("thrice", "image", "image", "image") == "thrice"
    assert sum(isinstance(node.primitive, Concat) for node in rewriter.nodes.values()) == 2


def test_arrays_are_computed_when_asked_for_and_once() -> None:
    calls: list[str] = []

    def array(name: str) -> Any:
        return lambda: calls.append(name) or np.arange(3.0)

    parameters = Parameters({"a": array("a"), "b": array("b")})
    assert (list(parameters), len(parameters), "a" in parameters, calls) == (["a", "b"], 2, True, [])
    assert parameters["a"] is parameters["a"]
    half = parameters.astype(np.float16)
    assert calls == ["a"]
    assert half["b"].dtype == np.float16
    assert calls == ["a", "b"]


def test_arrays_that_are_absent_may_be_named_and_not_read() -> None:
    parameters = Parameters.absent(diamond())
    assert list(parameters) == ["right.weight"]
    with pytest.raises(InternalError, match="while only the graph was asked for"):
        parameters["right.weight"]


def test_run_passes_reports_each_step_and_stops_at_nothing_to_do() -> None:
    graph, seen = diamond(), []
    passes = [PASSES["remove-dead-code"], PASSES["fold-batch-norm"]]
    result, _ = run_passes(
        graph, Parameters.absent(graph), passes, after=lambda step, g, _: seen.append((step.name, g))
    )
    assert [name for name, _ in seen] == ["remove-dead-code", "fold-batch-norm"]
    assert seen[0][1] is seen[1][1] is result
