"""The shift of a factorized reduce inside a convolution."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from genocc.graph import Graph, Node
from genocc.passes.base import Parameters, Pass, Rewriter
from genocc.primitives import Conv2d, ShiftPad

if TYPE_CHECKING:
    from genocc.passes.base import Array


class DepthwiseShift(Pass):
    """The shifted half of a factorized reduce picks its pixels with a depthwise convolution.

    1. conv(shift_pad(x); W), 1x1 with stride 2 = conv(d(x); W), 1x1 with stride 1, where d is the depthwise 2x2
       convolution of stride 2 whose last tap is one and whose others are zero.
    2. Maps of odd height or width get a row or column of zeros at the end, as shift_pad gives them.
    3. Convolutions that share the shift share d.

    Runtimes with a layout of their own for convolutions (ONNX Runtime) then need not leave it for a slice and a pad.
    It adds four weights per channel, and a fraction of dense-factorized-reduce's MACs. Holds in inference only:
    training would move the zeros.
    """

    name = "depthwise-shift"
    grows = True

    def rewrite(self, graph: Graph, parameters: Parameters) -> tuple[Graph, Parameters]:
        shifts = {node.name for node in graph.nodes.values() if _is_only_sampled(graph, node)}
        if not shifts:
            return graph, parameters
        rewriter = Rewriter(graph, parameters)
        readers = {user.name: partial(_read, rewriter) for shift in shifts for user in graph.users[shift]}
        return rewriter.replace({shift: partial(_sample, rewriter) for shift in shifts} | readers)


def _is_only_sampled(graph: Graph, shift: Node) -> bool:
    """Whether a shifted value is read at every other pixel only."""
    users = graph.users[shift.name]
    read = bool(users) and shift.name not in graph.outputs.values()
    return isinstance(shift.primitive, ShiftPad) and read and all(map(_is_sampling, users))


def _is_sampling(node: Node) -> bool:
    conv = node.primitive
    return isinstance(conv, Conv2d) and conv.pixelwise and conv.stride == (2, 2)


def _sample(rewriter: Rewriter, shift: Node) -> str:
    channels, height, width = shift.shape
    old = rewriter.parameters
    reader = rewriter.graph.users[shift.name][0]

    def weight() -> Array:
        import numpy as np

        taps = np.zeros((channels, 1, 2, 2), old[f"{reader.name}.weight"].dtype)
        taps[:, :, 1, 1] = 1
        return taps

    conv = Conv2d(channels, (2, 2), (2, 2), (0, 0, height % 2, width % 2), groups=channels)
    return rewriter.emit(f"{shift.name}.sampled", conv, rewriter.values[shift.inputs[0]], weight=weight)


def _read(rewriter: Rewriter, conv: Node) -> str:
    """The convolution of a shifted value, which now reads all pixels of the sampled one."""
    assert isinstance(conv.primitive, Conv2d)
    return rewriter.emit(conv.name, replace(conv.primitive, stride=(1, 1)), rewriter.bypass(conv))
