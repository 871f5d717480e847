"""The interface between the parts of a search, and between the super-net and the loop.

A method is a composition of parts that do not know each other: a topology says which edges a super-cell has, a
relaxation turns architecture parameters into coefficients, a derivation turns coefficients into a mask, a placement
says which cells are mixed and which derived, a connection says how an edge is computed. Their meeting point is the
formula of a node,

    x_j = sum over its edges e:  edge[e] * (sum over operations k:  op[e, k] * o_k(x_i)  +  bypass_e(x_i)),

whose numbers are `Coefficients` and whose terms a `Route` switches on and off. The kinds of parts are the base classes
`Topology`, `Relaxation`, `Connection`, `Placement`, `Derivation`, `Schedule` and `Penalty` of `parts`, of which anybody
can bring a choice (`registry`; docs/methods/parts.md). A relaxation has two faces: coefficients that are never random,
which derivations, penalties, accuracies and the history use, and what it draws for the mixed cells of a step. The loop
knows none of this: it trains anything that offers what `SearchNet` lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, Protocol

from genocc.runs.loop import Learner

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from torch.nn import Module, Parameter

    from genocc.data import Batches
    from genocc.genotype import Genotype


class View(Enum):
    """The two ways of computing a cell.

    MIXED: every edge and operation, weighted by the coefficients (EnTranNAS' engine cell; every cell of DARTS).
    DERIVED: the masked edges and operations only (EnTranNAS' transit cell; EC-DARTS' auxiliary model).
    """

    MIXED = "mixed"
    DERIVED = "derived"


Group = Literal["weights", "architecture"]
"""The two groups of parameters of a bi-level search."""

DerivedCoefficients = Literal["ones", "weights"]
"""Factors of the operations of a derived cell: ones, as in a target net, or the relaxation's coefficients."""


@dataclass(frozen=True)
class CellSpace:
    """The candidates of one kind of cell.

    Attributes:
        inputs: Number of input states.
        nodes: Number of intermediate nodes; node n is state ``inputs + n``.
        edges: (source state, target state) of each of the E edges, sorted by target, then source.
        operations: Names of the K candidate operations, ``none`` included where the space has it.
        candidates: (E, K), which operations compete on which edge, where a stage of the search has dropped some; None:
            all on all.
    """

    inputs: int
    nodes: int
    edges: tuple[tuple[int, int], ...]
    operations: tuple[str, ...]
    candidates: tuple[tuple[bool, ...], ...] | None = None

    @property
    def concat(self) -> tuple[int, ...]:
        """The states of the cell's output: all nodes; of a cell with one input, the last node."""
        last = self.inputs + self.nodes
        return (last - 1,) if self.inputs == 1 else tuple(range(self.inputs, last))

    def incoming(self, target: int) -> list[int]:
        """Returns the numbers of the edges into a state."""
        return [number for number, (_, to) in enumerate(self.edges) if to == target]

    def competes(self, edge: int, operation: int) -> bool:
        """Whether an operation is a candidate of an edge, both by number."""
        return self.candidates is None or self.candidates[edge][operation]

    def candidate_mask(self, device: torch.device) -> Tensor:
        """Returns ``candidates`` as a mask (E, K), bool."""
        import torch

        everything = [[True] * len(self.operations)] * len(self.edges)
        return torch.tensor(self.candidates or everything, dtype=torch.bool, device=device)


@dataclass(frozen=True)
class Coefficients:
    """The coefficients in the formula of a node, for one kind of cell.

    Attributes:
        edge: (E,), of an edge as a whole: PC-DARTS' softmax of beta; ones elsewhere.
        op: (E, K), of an operation on an edge.
        importance: (E, K), compared by a derivation and kept by a genotype as `Edge.weight`; never random:
            ``edge * op`` without randomness; DST's p-hat (Eq. 7) times ``edge``.
        mask: (E, K), bool: `alive`, where that is not what has a coefficient other than zero.
    """

    edge: Tensor
    op: Tensor
    importance: Tensor
    mask: Tensor | None = None

    @property
    def alive(self) -> Tensor:
        """(E, K), bool: which operations a mixed cell computes, and a derivation may keep; the others are cut."""
        return self.op.detach() != 0 if self.mask is None else self.mask

    def detach(self) -> Coefficients:
        """Returns the same coefficients without gradient history."""
        return Coefficients(self.edge.detach(), self.op.detach(), self.importance.detach(), self.mask)

    def masked(self, mask: Tensor) -> Coefficients:
        """Returns the same coefficients with every operation outside a mask (E, K) cut."""
        alive = None if self.mask is None else self.mask & mask
        return Coefficients(self.edge, self.op * mask, self.importance * mask, alive)


Masks = Mapping[str, "Tensor"]
"""Kind of cell -> (E, K) bool: the operations that a derivation keeps."""


@dataclass(frozen=True)
class Route:
    """Choice of what one forward pass computes; made by `SearchNet.route`.

    Attributes:
        views: The view of each cell, by position.
        coefficients: Of each kind of cell: for mixed cells and, with ``derived="weights"``, for derived ones.
        masks: Of each kind of cell: for derived cells.
        derived: Factors of the operations of derived cells.
    """

    views: Sequence[View]
    coefficients: Mapping[str, Coefficients]
    masks: Masks
    derived: DerivedCoefficients = "ones"


@dataclass(frozen=True)
class DerivationContext:
    """What a derivation that looks at more than coefficients may use: such as what an operation's absence costs.

    Attributes:
        net: The super-net. `SearchNet.route` with other ``coefficients`` leaves out what their ``mask`` cuts.
        accuracy: Share of the validation images that a route of the net classifies correctly; evaluation mode.
        validation: The batches of that half.
    """

    net: SearchNet
    accuracy: Callable[[Route], float]
    validation: Batches


class SearchNet(Protocol):
    """A net that the loop can search; `SuperNet` is one, a test's tiny smooth net another.

    The phases of the six methods are::

        net(images)                                                  # one-shot: the placement's views, current numbers
        net(images, net.route(View.DERIVED))                         # child net: all derived, coefficients one
        masks, numbers = net.select(), net.frozen()                  # IST: alpha*, fixed for the epoch
        net(images, net.route(View.DERIVED, masks=masks, coefficients=numbers, derived="weights"))

    Attributes:
        progress: Epochs done over epochs planned, 0 to 1; annealing follows it. The loop sets it before each epoch.
    """

    progress: float

    def __call__(self, images: Tensor, route: Route | None = None) -> Tensor:
        """Returns logits (N, classes) of images (N, channels, H, W)."""
        ...

    def route(
        self,
        view: View | None = None,
        *,
        masks: Masks | None = None,
        coefficients: Mapping[str, Coefficients] | None = None,
        derived: DerivedCoefficients = "ones",
    ) -> Route:
        """Returns a route; defaults follow from the placement, the relaxation and the derivation now.

        Args:
            view: One view for all cells [the placement's].
            masks: The edges and operations of derived cells [the derivation's].
            coefficients: Those of the nodes' formula [the relaxation's, with gradient history; what `drawing` draws].
            derived: Factors of the operations of derived cells.
        """
        ...

    def weight_parameters(self) -> list[Parameter]:
        """Returns w."""
        ...

    def architecture_parameters(self) -> list[Parameter]:
        """Returns alpha and beta."""
        ...

    def training_only(self, group: Group) -> AbstractContextManager[None]:
        """Within the context, the other group needs no gradient: it is not computed, and `.grad` stays None."""
        ...

    def drawing(self, step: int) -> AbstractContextManager[None]:
        """Within the context, mixed cells use the coefficients that a random relaxation draws in this step.

        All passes in it use the same draw; outside, nothing is random.
        """
        ...

    def penalties(self) -> dict[str, Tensor]:
        """Returns the scalar terms that an architecture step adds to its loss, by name.

        ``sparsity``: lambda times Eq. 11's mean of -log t (DST). ``macs``: expected MACs over the budget times
        ``penalties.macs.factor``. Others by the name of their part. Empty for methods without any.
        """
        ...

    def frozen(self) -> dict[str, Coefficients]:
        """Returns the current coefficients of each kind, detached; never random."""
        ...

    def select(self) -> Masks:
        """Returns the edges and operations that the derivation keeps now."""
        ...

    def derive(self, name: str = "searched", metadata: Mapping[str, Any] | None = None) -> Genotype:
        """Returns the genotype of `select`, each edge with its importance as ``weight``."""
        ...

    def weight_state(self) -> dict[str, Tensor]:
        """Returns copies of w and of the BN statistics by name, without alphas: IST's snapshot."""
        ...

    def load_weight_state(self, state: Mapping[str, Tensor]) -> None:
        """Puts a `weight_state` back, in place."""
        ...

    # As in torch.nn.Module; a checkpoint holds `state_dict` (w, BN statistics, alpha, beta).
    training: bool

    def modules(self) -> Iterator[Module]: ...
    def named_parameters(self) -> Iterator[tuple[str, Parameter]]: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any: ...
    def train(self, mode: bool = True) -> Any: ...
    def eval(self) -> Any: ...


@dataclass(frozen=True)
class DataShape:
    """Sizes that come from the data, not from the configuration.

    Attributes:
        classes: Number of classes.
        channels: Of the images.
        size: Height and width of the images.
    """

    classes: int
    channels: int = 3
    size: tuple[int, int] = field(default=(32, 32))

    @property
    def of_network(self) -> dict[str, Any]:
        """The fields of a network that these are."""
        return {"classes": self.classes, "input_channels": self.channels, "input_size": self.size}


class BilevelSteps(Learner, Protocol):
    """The steps that a schedule puts in order; `Bilevel` takes them."""

    def weight_step(self, *, auxiliary: bool = False) -> None:
        """Takes a step of w on a batch of the training half."""

    def architecture_step(self, *, auxiliary: bool = False) -> None:
        """Takes a step of alpha and beta on a batch of the validation half."""

    def begin_transition(self) -> None:
        """Derives and freezes alpha*, and takes a snapshot of w for a possible rollback."""

    def judge_transition(self) -> None:
        """Measures the auxiliary model on the validation half."""

    def keep_if_best(self) -> None:
        """Keeps the auxiliary model's steps, or rolls w back to the snapshot."""
