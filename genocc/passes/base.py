"""What a pass is, and how passes are run: verified after each, with the blame on the one that broke the graph."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import cleandoc
from typing import TYPE_CHECKING, Any, ClassVar

from genocc.errors import GenoccError, InternalError
from genocc.graph import Graph, GraphBuilder, Node
from genocc.primitives import Concat, Primitive

if TYPE_CHECKING:
    from numpy import ndarray
    from numpy.typing import DTypeLike

    Array = ndarray[Any, Any]


class Parameters(Mapping[str, "Array"]):
    """Arrays by name, computed when they are asked for and then kept.

    A pass says how a new tensor follows from the old ones without computing it, so that counting and printing
    optimized graphs never touch (or even have) an array.
    """

    def __init__(self, recipes: Mapping[str, Callable[[], Array]]) -> None:
        self._recipes = dict(recipes)
        self._arrays: dict[str, Array] = {}

    @classmethod
    def of(cls, arrays: Mapping[str, Array]) -> Parameters:
        """Returns parameters that are already there."""
        result = cls({})
        result._arrays = dict(arrays)
        return result

    @classmethod
    def absent(cls, graph: Graph) -> Parameters:
        """Returns names without arrays, for passes that are run for the graph alone."""

        def missing() -> Array:
            raise InternalError("a pass read a parameter while only the graph was asked for")

        return cls(dict.fromkeys([*graph.parameters(), *graph.buffers()], missing))

    def __getitem__(self, name: str) -> Array:
        if name not in self._arrays:
            self._arrays[name] = self._recipes[name]()
        return self._arrays[name]

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(dict.fromkeys([*self._recipes, *self._arrays]))

    def __len__(self) -> int:
        return len(self._recipes.keys() | self._arrays.keys())

    def __contains__(self, name: object) -> bool:
        return name in self._recipes or name in self._arrays

    def astype(self, dtype: DTypeLike) -> Parameters:
        """Returns the same parameters in another precision."""
        return Parameters({name: lambda name=name: self[name].astype(dtype) for name in self})  # type: ignore[misc]


class Pass(ABC):
    """A rewrite of the graph that keeps what it computes.

    Attributes:
        name: What `--passes`, `genocc passes` and error messages call it.
        training: Whether the rewrite also holds while the net trains (batch statistics, gradients).
        grows: Whether it may add parameters or MACs, to be faster elsewhere.
    """

    name: ClassVar[str]
    training: ClassVar[bool] = False
    grows: ClassVar[bool] = False

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
        """Rewrites what it finds, once; returns the same objects if there is nothing to do."""


class Rewriter(GraphBuilder):
    """Copies a graph node by node while a pass replaces some of them.

    ``values`` maps each value of the old graph to the one that stands for it in the new graph. A value keeps its name
    where it is computed in another way; what a pass adds on the way to it is named ``<value>.<what>``.
    """

    def __init__(self, graph: Graph, parameters: Parameters) -> None:
        super().__init__()
        self.graph = graph
        self.parameters = parameters
        self.values: dict[str, str] = {}
        self._recipes: dict[str, Callable[[], Array]] = {}

    def keep(self, node: Node) -> str:
        """Copies a node as it is, reading the new values of its inputs."""
        self.values[node.name] = self.add(node.name, node.primitive, *(self.values[value] for value in node.inputs))
        return self.values[node.name]

    def concat(self, name: str, *inputs: str) -> str:
        """Returns a concat of new values: the one there is already, or a new one."""
        found = (
            node.name for node in self.nodes.values() if isinstance(node.primitive, Concat) and node.inputs == inputs
        )
        return next(found, None) or self.add(name, Concat(), *inputs)

    def emit(self, name: str, primitive: Primitive, *inputs: str, **parameters: Callable[[], Array]) -> str:
        """Appends a new node (inputs are new values) and says how its parameters are computed, by role."""
        self._recipes.update({f"{name}.{role}": recipe for role, recipe in parameters.items()})
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
        recipes: dict[str, Callable[[], Array]] = {}
        for name in [*graph.parameters(), *graph.buffers()]:
            recipes[name] = self._recipes.get(name) or (lambda name=name: old[name])  # type: ignore[misc]
        return graph, Parameters(recipes)


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
        graph: Where to start.
        parameters: Its arrays.
        passes: What to run.
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


def select(names: Iterable[str], available: Mapping[str, Pass]) -> list[Pass]:
    """Returns the passes of these names, in the order given.

    Raises:
        GenoccError: A name is unknown.
    """
    chosen = list(names)
    for name in chosen:
        if name not in available:
            raise GenoccError(f"unknown pass '{name}'; expected some of {', '.join(available)}")
    return [available[name] for name in chosen]
