"""The primitive graph: the common form of every net between the genotype and its targets.

A graph is in SSA form: an ordered list of nodes, each with a name (its *origin*, such as
``cells.3.nodes.1.sep_conv_3x3.0.dw1``), a primitive, the names of its inputs, and an inferred shape. The origin
names the value, its parameters (``<origin>.weight``), the ONNX node and the rows of every table alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from types import MappingProxyType

from genocc.errors import InternalError
from genocc.primitives import Input, Primitive, Shape


@dataclass(frozen=True)
class Node:
    """One value: ``name`` is its origin and unique in its graph; ``shape`` is inferred."""

    name: str
    primitive: Primitive
    inputs: tuple[str, ...]
    shape: Shape
    input_shapes: tuple[Shape, ...] = field(repr=False)

    def parameters(self) -> dict[str, Shape]:
        """Returns full name -> shape of the trained parameters."""
        return {f"{self.name}.{role}": s for role, s in self.primitive.parameters(self.input_shapes).items()}

    def buffers(self) -> dict[str, Shape]:
        """Returns full name -> shape of the untrained tensors (running statistics)."""
        return {f"{self.name}.{role}": s for role, s in self.primitive.buffers(self.input_shapes).items()}

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image."""
        return self.primitive.macs(self.input_shapes, self.shape)

    @property
    def elementwise(self) -> int:
        """Other arithmetic operations for one image."""
        return self.primitive.elementwise(self.input_shapes, self.shape)

    def __str__(self) -> str:
        attributes = [
            f" {f.name}={_attribute(value)}"
            for f in fields(self.primitive)
            if (value := getattr(self.primitive, f.name)) != f.default
        ]
        inputs = ", ".join(f"%{name}" for name in self.inputs)
        shape = ", ".join(map(str, ("N", *self.shape)))
        return f"%{self.name} = {self.primitive.kind}({inputs}){''.join(attributes)} : ({shape})"


@dataclass(frozen=True)
class Graph:
    """Nodes in topological order and the named outputs. Built with `GraphBuilder`; never changed."""

    nodes: Mapping[str, Node]
    outputs: Mapping[str, str]

    @cached_property
    def users(self) -> Mapping[str, tuple[Node, ...]]:
        """Value name -> the nodes that read it (each once), in order."""
        found: dict[str, dict[str, Node]] = {name: {} for name in self.nodes}
        for node in self.nodes.values():
            for name in node.inputs:
                found[name][node.name] = node
        return {name: tuple(users.values()) for name, users in found.items()}

    def only_user(self, value: str) -> Node | None:
        """Returns the node that alone reads the value, and once; None for an output or a value with other readers."""
        users = self.users[value]
        if len(users) != 1 or users[0].inputs.count(value) != 1 or value in self.outputs.values():
            return None
        return users[0]

    @property
    def input(self) -> Node:
        """The image's node."""
        return next(node for node in self.nodes.values() if isinstance(node.primitive, Input))

    def parameters(self) -> dict[str, Shape]:
        """Returns name -> shape of all trained parameters."""
        return {name: shape for node in self.nodes.values() for name, shape in node.parameters().items()}

    def buffers(self) -> dict[str, Shape]:
        """Returns name -> shape of all untrained tensors."""
        return {name: shape for node in self.nodes.values() for name, shape in node.buffers().items()}

    def verify(self) -> None:
        """Checks the rules of the graph: order, shapes, one input, outputs that exist.

        Raises:
            InternalError: A rule is broken; the message names the node.
        """
        rebuilt = GraphBuilder()
        for name, node in self.nodes.items():
            if name != node.name:
                raise InternalError(f"%{name}: stored under another name than its own, %{node.name}")
            rebuilt.add(name, node.primitive, *node.inputs)
            if rebuilt.nodes[name] != node:
                raise InternalError(f"%{name}: shape {node.shape} is stored, {rebuilt.nodes[name].shape} inferred")
        if sum(isinstance(node.primitive, Input) for node in self.nodes.values()) != 1:
            raise InternalError("a graph has exactly one input node")
        rebuilt.build(**self.outputs)

    def __str__(self) -> str:
        lines = [str(node) for node in self.nodes.values()]
        return "\n".join([*lines, *(f"return {key} = %{value}" for key, value in self.outputs.items())]) + "\n"


class GraphBuilder:
    """Appends nodes, inferring each shape as it goes."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}

    def add(self, name: str, primitive: Primitive, *inputs: str) -> str:
        """Appends a node and returns its name.

        Raises:
            InternalError: The name is taken, an input does not exist yet, or the shapes do not fit.
        """
        if name in self.nodes:
            raise InternalError(f"%{name}: defined twice")
        if missing := [value for value in inputs if value not in self.nodes]:
            raise InternalError(f"%{name}: reads %{missing[0]} before it is defined")
        shapes = tuple(self.nodes[value].shape for value in inputs)
        try:
            shape = primitive.infer(shapes)
        except ValueError as error:
            raise InternalError(f"%{name} = {primitive.kind} of {list(shapes)}: {error}") from None
        self.nodes[name] = Node(name, primitive, inputs, shape, shapes)
        return name

    def shape(self, value: str) -> Shape:
        """Returns the shape of a value."""
        return self.nodes[value].shape

    def build(self, **outputs: str) -> Graph:
        """Returns the graph with these named outputs."""
        if not outputs:
            raise InternalError("a graph needs an output")
        for key, value in outputs.items():
            if value not in self.nodes:
                raise InternalError(f"output {key} = %{value}: no such value")
        return Graph(MappingProxyType(dict(self.nodes)), MappingProxyType(dict(outputs)))


def _attribute(value: object) -> str:
    if isinstance(value, tuple):
        return "x".join(map(str, value)) if all(isinstance(v, int) for v in value) else ",".join(map(str, value))
    return str(value)
