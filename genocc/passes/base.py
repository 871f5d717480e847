"""Passes in general: their base, the rewriter that they use, and how they run, the graph verified after each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from inspect import cleandoc
from typing import TYPE_CHECKING, Any, ClassVar

from genocc.errors import GenoccError, InternalError
from genocc.graph import Graph, GraphBuilder, Node
from genocc.passes.arguments import arguments, takes, written
from genocc.primitives import Concat, Primitive

if TYPE_CHECKING:
    from numpy import ndarray
    from numpy.typing import DTypeLike

    Array = ndarray[Any, Any]

LazyArray = Callable[[], "Array"]
"""Computes an array."""


class Parameters(Mapping[str, "Array"]):
    """Arrays by name, computed on first access and then kept.

    A pass describes how a new tensor follows from the old ones without computing it, so that counting and printing
    optimized graphs never touch (or even have) an array.
    """

    def __init__(self, arrays: Mapping[str, LazyArray]) -> None:
        self._lazy = dict(arrays)
        self._arrays: dict[str, Array] = {}

    @classmethod
    def of(cls, arrays: Mapping[str, Array]) -> Parameters:
        """Returns parameters that are computed already."""
        result = cls({})
        result._arrays = dict(arrays)
        return result

    @classmethod
    def absent(cls, graph: Graph) -> Parameters:
        """Returns names without arrays, for passes that run for the graph alone."""

        def missing() -> Array:
            raise InternalError("a pass read a parameter while only the graph was asked for")

        return cls(dict.fromkeys([*graph.parameters(), *graph.buffers()], missing))

    def __getitem__(self, name: str) -> Array:
        if name not in self._arrays:
            self._arrays[name] = self._lazy[name]()
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._lazy, *self._arrays]))

    def __len__(self) -> int:
        return len(self._lazy.keys() | self._arrays.keys())

    def __contains__(self, name: object) -> bool:
        return name in self._lazy or name in self._arrays

    def astype(self, dtype: DTypeLike) -> Parameters:
        """Returns the same parameters in another precision."""
        return Parameters({name: lambda name=name: self[name].astype(dtype) for name in self})  # type: ignore[misc]


class Pass(ABC):
    """A rewrite of the graph that keeps what it computes. One with arguments is a frozen dataclass of them.

    Attributes:
        name: Its name in `--passes`, `genocc passes` and error messages.
        training: Whether the rewrite also holds while the net trains (batch statistics, gradients).
        grows: Whether it may add parameters or MACs, to be faster elsewhere.
    """

    name: ClassVar[str]
    training: ClassVar[bool] = False
    grows: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for a in arguments(self):
            if not a.allows(getattr(self, a.name)):
                raise GenoccError(f"pass '{self.name}' takes {takes(self)}; found {a.name}={getattr(self, a.name)}")

    def __str__(self) -> str:
        """As `--passes` takes it: the name, and the arguments that are not the defaults."""
        given = {a.name: getattr(self, a.name) for a in arguments(self)}
        changed = [f"{a.name}={written(given[a.name])}" for a in arguments(self) if given[a.name] != a.default]
        return f"{self.name}({','.join(changed)})" if changed else self.name

    @property
    def summary(self) -> str:
        """The first sentence of the documentation."""
        return cleandoc(type(self).__doc__ or "").split("\n\n")[0].replace("\n", " ")

    def run(self, graph: Graph, parameters: Parameters) -> tuple[Graph, Parameters]:
        """Returns the graph and its parameters, rewritten until the pass finds nothing more to do."""
        while (result := self.rewrite(graph, parameters))[0] is not graph:
            graph, parameters = result
        return graph, parameters

    @abstractmethod
    def rewrite(self, graph: Graph, parameters: Parameters) -> tuple[Graph, Parameters]:
        """Rewrites all matches once; returns the same objects if there are none."""


class Rewriter(GraphBuilder):
    """Copies a graph node by node while a pass replaces some of them.

    ``values`` maps each value of the old graph to the one that stands for it in the new graph. A value keeps its name
    where it is computed in another way; values that a pass adds on the way to it are named ``<value>.<what>``.
    """

    def __init__(self, graph: Graph, parameters: Parameters) -> None:
        super().__init__()
        self.graph = graph
        self.parameters = parameters
        self.values: dict[str, str] = {}
        self._arrays: dict[str, LazyArray] = {}

    def replace(
        self, by: Mapping[str, Callable[[Node], str]] | None = None, dropped: Collection[str] = ()
    ) -> tuple[Graph, Parameters]:
        """Copies the graph but for some of its nodes, and returns what `finish` does.

        Args:
            by: Name of a node -> function of the node that appends its replacement and returns the new value.
            dropped: Nodes to leave out, since all their readers are replaced or dropped as well; a node that is also
                in ``by`` is replaced.
        """
        by = by or {}
        for node in self.graph.nodes.values():
            if node.name in by:
                self.values[node.name] = by[node.name](node)
            elif node.name not in dropped:
                self.keep(node)
        return self.finish()

    def keep(self, node: Node) -> str:
        """Copies a node as it is, reading the new values of its inputs."""
        self.values[node.name] = self.add(node.name, node.primitive, *(self.values[value] for value in node.inputs))
        return self.values[node.name]

    def bypass(self, node: Node) -> str:
        """Returns the new value of a node's only input, to stand for the node."""
        (value,) = node.inputs
        return self.values[value]

    def concat(self, name: str, *inputs: str) -> str:
        """Returns a concat of new values: the one there is already, or a new one."""
        found = (
            node.name for node in self.nodes.values() if isinstance(node.primitive, Concat) and node.inputs == inputs
        )
        return next(found, None) or self.add(name, Concat(), *inputs)

    def emit(self, name: str, primitive: Primitive, *inputs: str, **parameters: LazyArray) -> str:
        """Appends a new node (inputs are new values) with its lazily computed parameters, by role."""
        self._arrays.update({f"{name}.{role}": array for role, array in parameters.items()})
        return self.add(name, primitive, *inputs)

    def finish(self) -> tuple[Graph, Parameters]:
        """Returns the new graph with the old outputs and exactly its parameters, without what lost its last reader."""
        outputs = {key: self.values[value] for key, value in self.graph.outputs.items()}
        unread = (self.values.get(name) for name, users in self.graph.users.items() if not users)
        needed = {*outputs.values(), *unread, self.values[self.graph.input.name]}
        for node in reversed(self.nodes.values()):
            if node.name in needed:
                needed.update(node.inputs)
        self.nodes = {name: node for name, node in self.nodes.items() if name in needed}
        graph = self.build(**outputs)
        old = self.parameters
        arrays: dict[str, LazyArray] = {}
        for name in [*graph.parameters(), *graph.buffers()]:
            arrays[name] = self._arrays.get(name) or (lambda name=name: old[name])  # type: ignore[misc]
        return graph, Parameters(arrays)


def run_passes(
    graph: Graph,
    parameters: Parameters,
    passes: Sequence[Pass],
    *,
    training: bool = False,
    after: Callable[[Pass, Graph, Parameters], None] | None = None,
) -> tuple[Graph, Parameters]:
    """Runs passes in order and verifies the graph after each.

    Args:
        graph: The graph before the passes.
        parameters: Its arrays.
        passes: The passes, in order.
        training: Whether the graph is to be trained: passes that hold in inference only are refused.
        after: Called after each pass, to print or compare.

    Raises:
        GenoccError: A pass holds in inference only and the graph is to be trained.
        InternalError: A pass broke the graph; the message names it and those that ran before.
    """
    done: list[str] = []
    for step in passes:
        if training and not step.training:
            raise GenoccError(f"pass '{step.name}' holds in inference only; leave it out for training")
        try:
            graph, parameters = step.run(graph, parameters)
            graph.verify()
        except InternalError as error:
            before = f" (after {', '.join(done)})" if done else ""
            raise InternalError(f"pass '{step.name}'{before}: {error}") from error
        done.append(step.name)
        if after:
            after(step, graph, parameters)
    return graph, parameters
