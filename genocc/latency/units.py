"""Units: the parts of a compiled net whose latencies are added up.

A unit is a node of the graph after the target's passes, in its context. What a runtime fuses is not written down here:
a ReLU or an addition behind a convolution (or an addition) that nothing else reads is a kind of unit of its own, and
the profile says what it costs, which is close to nothing in a runtime that fuses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from genocc.graph import Graph, Node
from genocc.primitives import Add, Conv2d, Input, Linear, Pool, Relu, Zero

Work = tuple[float, float, float]
"""Of a unit: calls (always 1), bytes read and written (weights included), MACs."""


@dataclass(frozen=True)
class Unit:
    """A part of a net.

    Attributes:
        origin: The node's name.
        kind: Primitive, kernel, stride and context: what an implementation is chosen by.
        shapes: Of inputs and output; the groups of a convolution.
        work: What its cost grows with.
    """

    origin: str
    kind: str
    shapes: str
    work: Work

    @property
    def key(self) -> str:
        """Kind and shapes: units of one key cost the same."""
        return f"{self.kind} {self.shapes}"


def units(graph: Graph) -> Iterator[Unit]:
    """Yields the units of a graph, in its order; an addition of n values is n - 1 of them."""
    for node in graph.nodes.values():
        kind, shapes, work = _kind(node), _shapes(node), _work(node)
        if isinstance(node.primitive, Add):
            additions = len(node.inputs) - 1
            behind = min(sum(_context(graph, node, value) == "conv" for value in node.inputs), additions)
            for number in range(additions):
                yield Unit(node.name, f"{kind} behind conv" if number < behind else kind, shapes, work)
        elif isinstance(node.primitive, Relu) and (context := _context(graph, node, node.inputs[0])):
            yield Unit(node.name, f"{kind} behind {context}", shapes, work)
        else:
            yield Unit(node.name, kind, shapes, work)


def _context(graph: Graph, node: Node, value: str) -> str:
    """What computes a value that the node alone reads, if a runtime may fuse the two; else empty."""
    category = graph.nodes[value].primitive.category
    return category if category in ("conv", "add") and graph.only_user(value) is node else ""


def _kind(node: Node) -> str:
    primitive = node.primitive
    if isinstance(primitive, Conv2d):
        words = [primitive.kind, _by(primitive.kernel)]
        words += [f"dilation {primitive.dilation}"] if primitive.dilation > 1 else []
        words += [f"stride {_by(primitive.stride)}"] if primitive.stride != (1, 1) else []
        words += [] if primitive.dense else ["depthwise" if primitive.depthwise(node.input_shapes) else "grouped"]
        return " ".join(words)
    if isinstance(primitive, Pool):
        return (
            f"{primitive.kind} {_by((primitive.kernel,) * 2)}{f' stride {primitive.stride}' * (primitive.stride > 1)}"
        )
    return primitive.kind


def _shapes(node: Node) -> str:
    """The different shapes of the inputs, the shape of the output, and the groups of a convolution that has some."""
    inputs = "+".join(dict.fromkeys(map(_by, node.input_shapes)))
    groups = f" {p.groups} groups" if isinstance(p := node.primitive, Conv2d) and not p.dense else ""
    return (f"{inputs}>{_by(node.shape)}" if inputs else _by(node.shape)) + groups


def _work(node: Node) -> Work:
    if isinstance(node.primitive, (Input, Zero)):
        elements = prod(node.shape)
    elif isinstance(node.primitive, Add):
        elements = 3 * prod(node.shape)
    else:
        elements = sum(map(prod, (*node.input_shapes, node.shape, *node.parameters().values())))
    dense = isinstance(node.primitive, Linear) or (
        isinstance(node.primitive, Conv2d) and not node.primitive.depthwise(node.input_shapes)
    )
    # The MACs of a kind of depthwise convolution are proportional to its bytes: no measurement could tell them apart.
    return 1.0, 4.0 * elements, float(node.macs) if dense else 0.0


def _by(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))
