"""The network and its cells as classes of Python source: how the modules of a net are wired."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from genocc import origins
from genocc.genotype import Cell, Edge, Genotype
from genocc.graph import Graph
from genocc.network import SKELETONS, NetworkConfig
from genocc.provenance import wiring

from .classes import ModuleClass, Part
from .layout import WIDTH, Bracket, Expression, call, docstring, paragraph, sequence, statement


@dataclass(frozen=True)
class Net:
    """The net to write, in its training form, cut into parts, and the class of each part by origin."""

    genotype: Genotype
    config: NetworkConfig
    graph: Graph
    parts: Mapping[str, Part]
    classes: Mapping[str, ModuleClass]

    @property
    def inputs(self) -> int:
        """Number of inputs of each cell."""
        return SKELETONS[self.config.skeleton].inputs


def network_class(net: Net, cells: Sequence[ModuleClass]) -> ModuleClass:
    """Returns the class ``Network``, given the class of each cell by position."""
    config = net.config
    has_auxiliary = origins.AUXILIARY in net.parts
    shape = ", ".join(map(str, ("N", config.input_channels, *config.input_size)))
    summary = f"Images ({shape}) to logits (N, {config.classes})."
    notes = [paragraph(1, "While training it returns (logits, auxiliary logits).")] if has_auxiliary else []
    ends = [origin for origin in net.parts if isinstance(origins.parse(origin).place, origins.Section)]
    stems, heads = ([origin for origin in ends if (origin in origins.STEMS) == early] for early in (True, False))
    lines = [
        "class Network(nn.Module):",
        *docstring(1, summary, *notes),
        "",
        f'    wiring = "{wiring(net.genotype, net.config)}"',
        "",
        "    def __init__(self) -> None:",
        "        super().__init__()",
        *(f"        self.{stem} = {net.classes[stem].instance()}" for stem in stems),
        *statement(2, "self.cells = ", call("nn.ModuleList", sequence(_rows(net, cells)))),
        *(f"        self.{head} = {net.classes[head].instance()}" for head in heads),
        "",
        f"    def forward(self, image: Tensor) -> {'Tensor | tuple[Tensor, Tensor]' if has_auxiliary else 'Tensor'}:",
        *_stem_lines(net, stems),
        *_cell_loop(net),
        *_head_lines(net, [head for head in heads if head != origins.AUXILIARY]),
    ]
    return ModuleClass("Network", (), tuple(lines))


def _rows(net: Net, cells: Sequence[ModuleClass]) -> Iterator[str]:
    """Yields what makes the cells, one after the other; several equal ones as one expression."""
    calls = [str(_row(net, number, cell)) for number, cell in enumerate(cells)]
    for text, equal in groupby(calls):
        times = len(list(equal))
        yield from [text] * times if times < 3 else [f"*({text} for _ in range({times}))"]


def _row(net: Net, number: int, cell: ModuleClass) -> Bracket:
    if (block := net.parts.get(str(origins.Cell(number)))) is not None:
        return cell.instance(c_in=str(block.sizes["c_in"]), c=str(block.sizes["c"]))
    if net.inputs == 1:
        reductions = sum(reduction <= number for reduction in net.config.reductions)
        return call(cell.name, *(str(net.config.channels * 2**reductions) for _ in cell.arguments))
    older, newer = (net.parts[str(origins.Preprocessing(number, index))].sizes for index in (0, 1))
    sizes = {"c0": older["c_in"], "c1": newer["c_in"], "c": newer["c"]}
    larger = ["older_is_larger=True"] if older["stride"] == 2 and "older_is_larger" in cell.arguments else []
    return call(cell.name, *(str(sizes[name]) for name in sizes if name in cell.arguments), *larger)


def _stem_lines(net: Net, stems: Sequence[str]) -> Iterator[str]:
    if net.inputs == 1:
        yield from (f"        x = self.{stem}({'image' if stem == stems[0] else 'x'})" for stem in stems)
        return
    variables = {net.graph.input.name: "image"}
    places = {name: origins.Preprocessing(0, index) for index, name in enumerate(("older", "newer"))}
    inputs = {name: net.parts[str(place)].source for name, place in places.items()}
    for stem in stems:
        part = net.parts[stem]
        targets = [name for name, value in inputs.items() if value == part.output] or [stem]
        variables[part.output] = targets[0]
        yield f"        {' = '.join(targets)} = self.{stem}({variables[part.source]})"


def _cell_loop(net: Net) -> list[str]:
    step = "            x = cell(x)" if net.inputs == 1 else "            older, newer = newer, cell(older, newer)"
    if origins.AUXILIARY not in net.parts:
        return ["        for cell in self.cells:", step]
    source = origins.parse(net.parts[origins.AUXILIARY].source).place
    assert not isinstance(source, origins.Section), f"{source} gives no cell's output"
    return [
        "        for number, cell in enumerate(self.cells):",
        step,
        f"            if self.training and number == {source.cell}:",
        "                auxiliary_logits = self.auxiliary(newer)",
    ]


def _head_lines(net: Net, heads: Sequence[str]) -> list[str]:
    value = "x" if net.inputs == 1 else "newer"
    for head in heads:
        value = f"self.{head}({value})"
    both = ["        if self.training:", "            return logits, auxiliary_logits"]
    return [
        f"        logits: Tensor = {value}",
        *(both if origins.AUXILIARY in net.parts else []),
        "        return logits",
    ]


def cell_classes(net: Net, fresh: Callable[[str], str]) -> list[ModuleClass]:
    """Returns the class of each cell by position: one for each kind, if its operations allow.

    An operation that needs a class of its own at some number of channels divides the cells of a kind.
    """
    groups: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    origin_of = {number: str(origins.Cell(number)) for number in range(net.config.layers)}
    found = {number: net.classes[origin] for number, origin in origin_of.items() if origin in net.parts}
    for number in [number for number in origin_of if number not in found]:
        kind = net.config.kind(number)
        names = tuple(str(_operation(net, number, *edge)) for edge in net.genotype.cells[kind].edges())
        groups.setdefault((kind, names), []).append(number)
    for (kind, _), numbers in sorted(groups.items(), key=lambda item: (item[0][0], item[1])):
        module = _cell_class(net, kind, numbers, fresh(f"{kind.capitalize()}Cell"))
        found.update(dict.fromkeys(numbers, module))
    return [found[number] for number in range(net.config.layers)]


def _cell_class(net: Net, kind: str, numbers: Sequence[int], name: str) -> ModuleClass:
    cell = net.genotype.cells[kind]
    body = [
        *(
            f"        self.pre{index} = {_preprocessing(net, numbers, index)}"
            for index in range(cell.inputs)
            if cell.inputs > 1
        ),
        *statement(2, "self.nodes = ", call("nn.ModuleList", sequence(_nodes(net, numbers[0])))),
    ]
    text = "\n".join(body)
    sizes = [size for size in ("c0", "c1", "c") if re.search(rf"\b{size}\b", text)]
    flag = ["older_is_larger"] if "older_is_larger" in text else []
    typed = [f"{size}: int" for size in sizes] + [f"{argument}: bool = False" for argument in flag]
    lines = [
        f"class {name}(nn.Module):",
        *_cell_docstring(cell, kind),
        "",
        *statement(1, "def ", call("__init__", "self", *typed), " -> None:"),
        "        super().__init__()",
        *body,
        "",
        f"    def forward(self, {'s0: Tensor' if cell.inputs == 1 else 'older: Tensor, newer: Tensor'}) -> Tensor:",
        *_cell_forward(cell),
    ]
    return ModuleClass(name, (*sizes, *flag), tuple(lines))


def _preprocessed(cell: Cell) -> range:
    """The inputs that are preprocessed: all, unless there is but one."""
    return range(cell.inputs) if cell.inputs > 1 else range(0)


def _preprocessing(net: Net, numbers: Sequence[int], index: int) -> str:
    """Preprocessing of an input to the cell's channels: one text, or a choice between equal and larger maps."""
    names = [str(origins.Preprocessing(number, index)) for number in numbers]
    texts = {net.parts[o].sizes["stride"]: str(net.classes[o].instance(c_in=f"c{index}", c="c")) for o in names}
    return " if older_is_larger else ".join(texts[stride] for stride in sorted(texts, reverse=True))


def _nodes(net: Net, number: int) -> Iterator[Bracket]:
    cell = net.genotype.cells[net.config.kind(number)]
    edges: list[list[Expression]] = [[] for _ in cell.nodes]
    for index, node in enumerate(cell.nodes):
        for position, edge in enumerate(node):
            module = _operation(net, number, cell.inputs + index, position, edge)
            edges[index].append(Bracket("(", (f'"{edge.op}"', module)))
    yield from (call("Node", *node) for node in edges)


def _operation(net: Net, number: int, state: int, position: int, edge: Edge) -> Bracket:
    inputs = net.genotype.cells[net.config.kind(number)].inputs
    origin = str(origins.Edge(number, state - inputs, edge.op, position))
    if origin not in net.parts:
        return call("nn.Identity")
    return net.classes[origin].instance(c_in="c", c="c", stride=str(net.parts[origin].sizes["stride"]))


def _cell_docstring(cell: Cell, kind: str) -> list[str]:
    first, last = f"s{cell.inputs}", f"s{cell.states - 1}"
    nodes = f"node {first}" if len(cell.nodes) == 1 else f"nodes {first} to {last}"
    size = " at half the size" if kind == "reduction" else ""
    if cell.inputs == 1:
        given, notes = "input s0", ["Its input and its states have c channels."]
    else:
        given = "inputs s0 and s1"
        notes = ["The two cells before it give c0 and c1 channels; its states have c."]
    read = _read(cell)
    if unread := [state for state in cell.dead if state not in read]:
        names = ", ".join(f"s{state}" for state in unread)
        notes.append(f"No output depends on {names}: not computed, but kept with its weights.")
    text = [line for note in notes for line in paragraph(1, note)]
    return docstring(1, f"The {kind} cell: {given}, {nodes}{size}.", text)


def _cell_forward(cell: Cell) -> Iterator[str]:
    read = _read(cell)
    names = ("older", "newer")
    yield from (f"        s{i} = self.pre{i}({names[i]})" for i in _preprocessed(cell) if i in read)
    typed = ": Tensor" if len(cell.concat) == 1 else ""  # the call of a module has the type Any
    for number, edges in enumerate(cell.nodes):
        state = number + cell.inputs
        if state in read:
            formula = " + ".join(f"{edge.op}(s{edge.source})" for edge in edges)
            value = call(f"self.nodes[{number}]", *(f"s{edge.source}" for edge in edges))
            yield from _commented(statement(2, f"s{state}{typed if state in cell.concat else ''} = ", value), formula)
    outputs = [f"s{state}" for state in cell.concat]
    yield from statement(2, "return ", call("torch.cat", sequence(outputs), "dim=1") if typed == "" else outputs[0])


def _read(cell: Cell) -> set[int]:
    """The states that the source computes: the live ones, and those whose size alone a node of zeros takes."""
    found = set(cell.concat)
    for state in range(cell.states - 1, cell.inputs - 1, -1):
        if state in found:
            found.update(edge.source for edge in cell.nodes[state - cell.inputs])
    return found


def _commented(lines: list[str], text: str) -> list[str]:
    """Adds a comment behind a line, or before several where there is no room."""
    line = f"{lines[0]}  # {text}"
    return [line] if len(lines) == 1 and len(line) <= WIDTH else [*paragraph(2, text, "# "), *lines]
