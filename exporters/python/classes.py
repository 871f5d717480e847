"""Classes of Python source for the parts of a net: operations, preprocessing, stems, heads.

A part is a piece of the net's graph. Parts of one name share a class where what differs between them follows from their
channels and stride, which are then the class's arguments. No recipe is repeated here: a registered operation is written
like any other.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from genocc import origins
from genocc.errors import TargetError
from genocc.graph import Graph, Node
from genocc.origins import Place
from genocc.primitives import Add, Concat, Conv2d, DropPath, Input, Pool, Primitive

from .emitters import JOINS, LAYERS, Sizes, layer, options
from .layout import Bracket, Expression, call, docstring, mapping, statement


@dataclass(frozen=True)
class Part:
    """The nodes under one origin, which one module computes.

    Attributes:
        origin: Such as ``cells.3.nodes.1.sep_conv_3x3.0``.
        nodes: In order; drop path, which belongs to the edge, is not among them.
        source: The value that they read.
        output: The value that others read.
    """

    origin: str
    nodes: tuple[Node, ...]
    source: str
    output: str

    def local(self, value: str) -> str:
        """Returns a value's name within the part; the source is ``x``."""
        return "x" if value == self.source else origins.below(value, self.origin)

    @cached_property
    def structure(self) -> tuple[Hashable, ...]:
        """Names, primitives and flow of values: the same for parts that differ in attributes only."""
        rows = [(self.local(n.name), type(n.primitive), *map(self.local, n.inputs)) for n in self.nodes]
        return (*rows, self.local(self.output))

    @cached_property
    def signature(self) -> tuple[Hashable, ...]:
        """The structure and all attributes: the same for parts that compute the same."""
        return (self.structure, *((node.primitive, node.input_shapes[0][0]) for node in self.nodes))

    @cached_property
    def sizes(self) -> Sizes:
        """Arguments that a class may take: channels of source and output, and the stride."""
        shapes = {value: shape for n in self.nodes for value, shape in zip(n.inputs, n.input_shapes, strict=True)}
        shapes |= {n.name: n.shape for n in self.nodes}
        strides = [getattr(n.primitive, "stride", 1) for n in self.nodes]
        largest = max(max(stride) if isinstance(stride, tuple) else stride for stride in strides)
        return {"c_in": shapes[self.source][0], "c": shapes[self.output][0], "stride": largest}


_WIRING: dict[type[Place], type[Primitive]] = {origins.Node: Add, origins.Cell: Concat}
"""Values that a cell itself computes, around its parts."""


def parts(graph: Graph) -> dict[str, Part]:
    """Returns the parts of a net by origin: stems and heads, each cell's preprocessing, each edge's operation.

    A block in the place of a cell is a part of its own.

    An edge whose operation is the identity has no nodes and is no part.

    Raises:
        TargetError: A part reads or gives several values, or a node is in no part.
    """
    members: dict[str, list[Node]] = {}
    for node in graph.nodes.values():
        place, what = origins.parse(node.name)
        if isinstance(node.primitive, Input) or type(node.primitive) is _WIRING.get(type(place)):
            continue
        if isinstance(place, origins.Node) or not what:
            raise TargetError(f"target 'python': '{node.name}' is no operation on an edge, preprocessing, stem or head")
        if not (isinstance(node.primitive, DropPath) and what == origins.DROP_PATH):
            members.setdefault(str(place), []).append(node)
    return {origin: part(graph, origin, nodes) for origin, nodes in members.items()}


def part(graph: Graph, origin: str, nodes: Sequence[Node]) -> Part:
    """Returns some nodes of a graph as a part; raises TargetError as `parts`."""
    inside = {node.name for node in nodes}
    sources = {value for node in nodes for value in node.inputs} - inside
    outputs = [
        name
        for name in inside
        if name in graph.outputs.values() or any(user.name not in inside for user in graph.users[name])
    ] or [nodes[-1].name]
    if len(sources) != 1 or len(outputs) != 1:
        found = f"'{origin}' reads {len(sources)} values and gives {len(outputs)}"
        raise TargetError(f"target 'python': {found}; expected one of each")
    return Part(origin, tuple(nodes), sources.pop(), outputs[0])


@dataclass(frozen=True)
class ModuleClass:
    """A class of the source: its name, its arguments in order, its lines."""

    name: str
    arguments: tuple[str, ...]
    lines: tuple[str, ...]

    def instance(self, **sizes: str) -> Bracket:
        """Returns the call that makes an instance; a stride of 1 is the default."""
        channels = [sizes[name] for name in self.arguments if name != "stride"]
        stride = sizes["stride"] if "stride" in self.arguments else "1"
        return call(self.name, *channels, *options(stride=(stride, "1")))


def module_classes(
    title: str, summary: str, fresh: Callable[[str], str], members: Sequence[Part], arguments: Sequence[str]
) -> list[tuple[ModuleClass, list[Part]]]:
    """Returns the class of some parts, or several where one cannot express them, each with its parts.

    Args:
        title: Name of the class; further ones get numbers.
        summary: The docstring.
        fresh: Gives a name that is still free.
        members: The parts.
        arguments: Which of `Part.sizes` the class may take, in order of preference.
    """
    keys: tuple[Callable[[Part], Hashable], ...] = (
        lambda part: part.structure,
        lambda part: (part.structure, part.sizes["stride"]),
        lambda part: part.signature,
    )
    for key in keys:
        groups: dict[Hashable, list[Part]] = {}
        for member in members:
            groups.setdefault(key(member), []).append(member)
        layers = [_layers(group, arguments) for group in groups.values()]
        if all(None not in found.values() for found in layers):
            break
    result = []
    for group, found in zip(groups.values(), layers, strict=True):
        written = {name: text for name, text in found.items() if text is not None}
        result.append((_module_class(title, summary, fresh, group[0], written, arguments), group))
    return result


def _layers(group: Sequence[Part], arguments: Sequence[str]) -> dict[str, Bracket | None]:
    sizes = [member.sizes for member in group]
    return {
        group[0].local(nodes[0].name): layer(nodes, sizes, arguments)
        for nodes in zip(*(member.nodes for member in group), strict=True)
        if type(nodes[0].primitive) in LAYERS
    }


def _module_class(
    title: str,
    summary: str,
    fresh: Callable[[str], str],
    part: Part,
    layers: Mapping[str, Bracket],
    arguments: Sequence[str],
) -> ModuleClass:
    is_chain = _is_chain(part)
    if is_chain and len(layers) == 1 and not (only := next(iter(layers.values()))).items:
        return ModuleClass(only.opening.removesuffix("("), (), ())  # such as nn.ReLU: a class already
    text = " ".join(map(str, layers.values()))
    used = [size for size in ("c_in", "c", "stride") if size in arguments and re.search(rf"\b{size}\b(?!=)", text)]
    typed = ["stride: int = 1" if size == "stride" else f"{size}: int" for size in used]
    name = fresh(title)
    lines = [f"class {name}({'nn.Sequential' if is_chain else 'nn.Module'}):", *docstring(1, summary), ""]
    lines += statement(1, "def ", call("__init__", "self", *typed), " -> None:")
    lines.append("        super().__init__()")
    for attribute, value in _attributes(part.origin, layers):
        lines += statement(2, f"self.{attribute} = ", value)
    if not is_chain:
        lines += ["", "    def forward(self, x: Tensor) -> Tensor:", *_forward(part)]
    return ModuleClass(name, tuple(used), tuple(lines))


def _is_chain(part: Part) -> bool:
    """Whether each layer reads the one before it, so that ``nn.Sequential`` calls them."""
    before = part.source
    for node in part.nodes:
        if node.inputs != (before,) or type(node.primitive) not in LAYERS or "." in part.local(node.name):
            return False
        before = node.name
    return before == part.output


def _attributes(origin: str, layers: Mapping[str, Bracket]) -> Iterator[tuple[str, Bracket]]:
    """Yields the children of a module; those with dots in their names are gathered in dictionaries."""
    nested: dict[str, dict[str, Bracket]] = {}
    for name, value in layers.items():
        first, *rest = origins.path(name)
        if not first.isidentifier() or keyword.iskeyword(first) or (rest and first in layers):
            raise TargetError(f"target 'python': '{origin}.{name}' cannot be written as an attribute; rename it")
        nested.setdefault(first, {})[".".join(rest)] = value
    for first, children in nested.items():
        if "" in children:
            yield first, children[""]
        else:
            yield first, call("nn.ModuleDict", mapping(_attributes(origin, children)))


_INLINE = 48
"""The longest expression that is written within another one."""


def _forward(part: Part) -> Iterator[str]:
    """Yields the body of ``forward``; a short value that is read once is written where it is read."""
    nodes = _live(part)
    reads = [value for node in nodes for value in node.inputs] + [part.output]
    texts = {part.source: "x"}
    variables = {"x", "self", "torch", "nn", "Tensor"}
    for node in nodes:
        expression = _expression(part, node, [texts[value] for value in node.inputs])
        is_layer, is_output = type(node.primitive) in LAYERS, node.name == part.output
        read_once = reads.count(node.name) == 1
        if read_once and is_layer and not is_output and len(str(expression)) <= _INLINE:
            texts[node.name] = str(expression)
        elif read_once and is_output and not is_layer:
            yield from statement(2, "return ", expression)
            return
        else:
            texts[node.name] = _variable(part.local(node.name), variables)
            typed = ": Tensor" if is_layer and is_output else ""  # the call of a module has the type Any
            yield from statement(2, f"{texts[node.name]}{typed} = ", expression)
    yield f"        return {texts[part.output]}"


def _live(part: Part) -> list[Node]:
    needed = {part.output}
    for node in reversed(part.nodes):
        needed.update(node.inputs if node.name in needed else ())
    return [node for node in part.nodes if node.name in needed]


def _expression(part: Part, node: Node, values: Sequence[str]) -> Expression:
    if type(node.primitive) in JOINS:
        return JOINS[type(node.primitive)](values)
    name = part.local(node.name)
    return call(f'self.get_submodule("{name}")' if "." in name else f"self.{name}", *values)


def _variable(name: str, taken: set[str]) -> str:
    variable = re.sub(r"\W|^(?=\d)", "_", name)
    while variable in taken or keyword.iskeyword(variable):
        variable += "_"
    taken.add(variable)
    return variable


def described(part: Part) -> str:
    """Returns what a part does, in words: ``ReLU, 3x3 depthwise conv, 1x1 conv, BN``."""
    words = [_words(node) for node in part.nodes]
    half = len(words) // 2
    if half > 1 and words[:half] == words[half:]:
        return f"twice {', '.join(words[:half])}"
    return ", ".join(words)


def _words(node: Node) -> str:
    primitive = node.primitive
    if isinstance(primitive, Conv2d):
        dilated = f" of dilation {primitive.dilation}" if primitive.dilation > 1 else ""
        grouped = "" if primitive.dense else " depthwise" if primitive.depthwise(node.input_shapes) else " grouped"
        return f"{'x'.join(map(str, primitive.kernel))}{grouped} conv{dilated}"
    if isinstance(primitive, Pool):
        return f"{primitive.kernel}x{primitive.kernel} {primitive.kind.replace('_', ' ')}"
    names = {"relu": "ReLU", "batch_norm": "BN", "linear": "linear layer"}
    return names.get(primitive.kind, primitive.kind.replace("_", " "))
