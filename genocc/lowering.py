"""Lowering: a genotype and a network configuration become a primitive graph.

One function writes the stem, the cells in order and the head. Training and inference are two lowerings that share
all names: training adds drop path on the edges and, if configured, the auxiliary head.
"""

from __future__ import annotations

from collections.abc import Mapping

from genocc import origins
from genocc.errors import NetworkError
from genocc.genotype import Cell, Genotype
from genocc.graph import Graph, GraphBuilder
from genocc.network import SKELETONS, NetworkConfig
from genocc.operations import Block, factorized_reduce, get, relu_conv_bn
from genocc.primitives import AvgPool, DropPath, Input

MAX_PRIMITIVES = 1 << 15
"""The most primitives of a graph: about 30 times those of a published net, and a few seconds for every command."""


def lower(
    genotype: Genotype,
    config: NetworkConfig | None = None,
    *,
    training: bool = False,
    features: Mapping[str, int] | None = None,
) -> Graph:
    """Returns the graph of a net before any pass.

    Args:
        genotype: The cells; those that the skeleton has a place for: ``normal`` and ``reduction`` with two inputs
            each, or ``normal`` with one input and one output state (``nas-bench-201``).
        config: The network around them; the CIFAR defaults where it is not given.
        training: Whether to add drop path and the auxiliary head.
        features: Name -> position of a cell: the outputs of these cells replace the logits, and the graph ends with
            the last of them.

    Returns:
        A graph with the output ``logits`` (N, classes) and, in training with ``config.auxiliary``,
        ``auxiliary_logits``; or with those of ``features``.

    Raises:
        NetworkError: The skeleton has no place for the genotype's cells, the maps get too small for it, there is no
            such cell, or the graph would have more than ``MAX_PRIMITIVES``.
    """
    config = config or NetworkConfig()
    _check_cells(genotype, config)
    if features is not None:
        _check_features(features, config)
    skeleton = SKELETONS[config.skeleton]
    b = Block(GraphBuilder(), "", config.channels)
    image = b.builder.add(origins.IMAGE, Input(config.input_channels, *config.input_size))
    stem = skeleton.stem(b, image, config)
    older, newer, reduced = stem.older, stem.newer, stem.reduced
    channels = config.channels
    outputs: dict[str, str] = {}
    for number in range(config.layers):
        reduces = config.kind(number) == "reduction"
        channels *= 2 if reduces else 1
        block = Block(b.builder, "", channels)
        if reduces and skeleton.reduction:
            output = skeleton.reduction(block.within(origins.Cell(number)), newer)
        else:
            inputs = [newer] if skeleton.inputs == 1 else _preprocessed(block, number, (older, newer), reduced)
            output = _cell(block, number, genotype.cells[config.kind(number)], inputs, 1 + reduces, training)
        older, newer, reduced = newer, output, reduces
        if len(b.builder.nodes) > MAX_PRIMITIVES:
            raise NetworkError(
                f"layers: found {config.layers} cells, the first {number + 1} of which have {len(b.builder.nodes):,} "
                f"primitives together; a net has at most {MAX_PRIMITIVES:,}: choose fewer layers, or a genotype with "
                "fewer edges"
            )
        if features is not None:
            outputs |= {name: newer for name, cell in features.items() if cell == number}
            if number == max(features.values()):
                return b.builder.build(**{name: outputs[name] for name in features})
        elif training and config.auxiliary and number == 2 * config.layers // 3:
            outputs["auxiliary_logits"] = _auxiliary_head(b.within(origins.AUXILIARY), newer, config)
    head = b.within(origins.HEAD)
    logits = b.within(origins.CLASSIFIER).linear(head.mean(skeleton.tail(head, newer)), origins.LINEAR, config.classes)
    return b.builder.build(logits=logits, **outputs)


def _preprocessed(b: Block, number: int, inputs: tuple[str, str], older_is_larger: bool) -> list[str]:
    older, newer = (b.within(origins.Preprocessing(number, index)) for index in (0, 1))
    return [
        factorized_reduce(older, inputs[0]) if older_is_larger else relu_conv_bn(1)(older, inputs[0], 1),
        relu_conv_bn(1)(newer, inputs[1], 1),
    ]


def _cell(b: Block, number: int, cell: Cell, inputs: list[str], input_stride: int, training: bool) -> str:
    states = list(inputs)
    for node, edges in enumerate(cell.nodes):
        values = []
        for position, edge in enumerate(edges):
            stride = input_stride if edge.source < cell.inputs else 1
            place = origins.Edge(number, node, edge.op, position)
            value = get(edge.op).lower(b.within(place), states[edge.source], stride)
            if training and not edge.is_none and value != states[edge.source]:
                value = b.builder.add(origins.drop_path(place), DropPath(), value)
            values.append(value)
        states.append(b.within(origins.Node(number, node)).add(*values))
    return b.within(origins.Cell(number)).concat(*(states[state] for state in cell.concat))


def _auxiliary_head(b: Block, x: str, config: NetworkConfig) -> str:
    """ReLU, 5x5 average pool, 1x1 conv to 128, BN, ReLU, 2x2 conv to 768, BN, ReLU, linear."""
    stride = SKELETONS[config.skeleton].auxiliary_stride
    if stride is None:
        raise NetworkError(f"skeleton '{config.skeleton}' has no auxiliary head; leave it out")
    height, width = b.builder.shape(x)[1:]
    if min(height, width) < 5 + stride:
        raise NetworkError(
            f"the auxiliary head of skeleton '{config.skeleton}' needs a map of at least {5 + stride}x{5 + stride}, "
            f"found {height}x{width}; choose a larger input size or leave the auxiliary head out"
        )
    x = b.pool(b.relu(x, "relu1"), "pool", AvgPool(kernel=5, stride=stride))
    x = b.relu(b.norm(b.conv(x, "conv1", 1, channels=128), "bn1"), "relu2")
    x = b.conv(x, "conv2", 2, channels=768, padded=False)
    x = b.relu(b.norm(x, "bn2") if config.auxiliary_bn else x, "relu3")
    return b.linear(b.mean(x), origins.LINEAR, config.classes)


def _check_cells(genotype: Genotype, config: NetworkConfig) -> None:
    wanted = SKELETONS[config.skeleton].inputs
    place = f"skeleton '{config.skeleton}' has no place for '{genotype.name}'"
    for kind in config.kinds:
        if kind not in genotype.cells:
            found = ", ".join(genotype.cells)
            raise NetworkError(f"{place}: it needs a cell '{kind}'; the genotype has only: {found}")
        cell = genotype.cells[kind]
        if cell.inputs != wanted:
            expected = "two inputs" if wanted == 2 else "one input"
            raise NetworkError(f"{place}: it needs {expected} per cell; cell '{kind}' has {cell.inputs}{_fits(cell)}")
        if wanted == 1 and len(cell.concat) > 1:
            raise NetworkError(
                f"{place}: its cells' output is one state; the concat of cell '{kind}' has {len(cell.concat)}"
            )


def _fits(cell: Cell) -> str:
    """Which skeleton has a place for a cell, for messages."""
    names = [name for name, skeleton in SKELETONS.items() if skeleton.inputs == cell.inputs]
    return f"; choose skeleton {' or '.join(names)}" if names else ""


def _check_features(features: Mapping[str, int], config: NetworkConfig) -> None:
    if not features:
        raise NetworkError("features: found none; expected at least one name -> number of a cell")
    for name, cell in features.items():
        if not 0 <= cell < config.layers:
            raise NetworkError(f"features: '{name}' is of cell {cell}; the net has cells 0 to {config.layers - 1}")
