"""Concats that need not be copied together."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from functools import partial
from math import ceil, prod
from typing import TYPE_CHECKING

from genocc.graph import Graph, Node
from genocc.passes.base import LazyArray, Parameters, Pass, Rewriter
from genocc.primitives import Add, Concat, Conv2d, GlobalMean, ShiftPad

if TYPE_CHECKING:
    from genocc.passes.base import Array


class SplitConcat(Pass):
    """The readers of a concat are split instead of copying its parts together.

    1. conv(concat(x, y); [W1 W2], b) = conv(x; W1, b) + conv(y; W2). So are the 1x1 convolutions that preprocess a
       cell's output, once relu-before-concat has taken the ReLU out of the way.
    2. A part that occurs in the concat twice is convolved once, with W1 + W2.
    3. mean(concat(x, y)) = concat(mean(x), mean(y)), which copies vectors instead of maps; and so for shift_pad,
       whose reader may be split in its turn.

    A concat with other readers stays, since it would be copied all the same. So does one that has fewer pixels than its
    readers have outputs (times the kernel's area), rounded up to sixteens so that padding does not change the choice:
    there one convolution is faster than several that are summed. Holds in training too.
    """

    name = "split-concat"
    training = True

    def rewrite(self, graph: Graph, parameters: Parameters) -> tuple[Graph, Parameters]:
        concats = {node.name for node in graph.nodes.values() if _is_worth_splitting(graph, node)}
        if not concats:
            return graph, parameters
        rewriter = Rewriter(graph, parameters)
        readers = {user.name for concat in concats for user in graph.users[concat]}
        return rewriter.replace(dict.fromkeys(readers, partial(_split, rewriter)))


def _is_worth_splitting(graph: Graph, concat: Node) -> bool:
    users = graph.users[concat.name]
    return (
        isinstance(concat.primitive, Concat)
        and len(concat.shape) == 3
        and concat.name not in graph.outputs.values()
        and bool(users)
        and all(
            isinstance(user.primitive, (GlobalMean, ShiftPad))
            or (isinstance(user.primitive, Conv2d) and user.primitive.dense)
            for user in users
        )
        and prod(concat.shape[1:]) > sum(map(_weights_per_channel, users))
    )


def _weights_per_channel(reader: Node) -> int:
    conv = reader.primitive
    return 16 * ceil(conv.channels / 16) * prod(conv.kernel) if isinstance(conv, Conv2d) else 0


def _split(rewriter: Rewriter, reader: Node) -> str:
    if isinstance(reader.primitive, Conv2d):
        return _split_conv(rewriter, reader, reader.primitive)
    return _split_by_channel(rewriter, reader)


def _split_conv(rewriter: Rewriter, conv: Node, primitive: Conv2d) -> str:
    columns: dict[str, list[slice]] = defaultdict(list)
    start = 0
    for part in rewriter.graph.nodes[conv.inputs[0]].inputs:
        stop = start + rewriter.graph.nodes[part].shape[0]
        columns[part].append(slice(start, stop))
        start = stop
    values = []
    for number, (part, ranges) in enumerate(columns.items()):
        name = f"{conv.name}.part{number}" if len(columns) > 1 else conv.name
        arrays = {"weight": _columns(rewriter.parameters, conv, ranges)}
        if primitive.bias and number == 0:
            arrays["bias"] = _bias(rewriter.parameters, conv)
        part_conv = replace(primitive, bias="bias" in arrays)
        values.append(rewriter.emit(name, part_conv, rewriter.values[part], **arrays))
    return rewriter.emit(conv.name, Add(), *values) if len(values) > 1 else values[0]


def _split_by_channel(rewriter: Rewriter, reader: Node) -> str:
    done: dict[str, str] = {}
    parts = rewriter.graph.nodes[reader.inputs[0]].inputs
    for part in parts:
        if part not in done:
            done[part] = rewriter.emit(f"{reader.name}.part{len(done)}", reader.primitive, rewriter.values[part])
    return rewriter.emit(reader.name, Concat(), *(done[part] for part in parts))


def _columns(parameters: Parameters, conv: Node, ranges: list[slice]) -> LazyArray:
    def array() -> Array:
        weight = parameters[f"{conv.name}.weight"]
        first, *others = (weight[:, columns] for columns in ranges)
        return sum(others, start=first)

    return array


def _bias(parameters: Parameters, conv: Node) -> LazyArray:
    return lambda: parameters[f"{conv.name}.bias"]
