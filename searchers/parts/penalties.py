"""Penalties: terms that an architecture step adds to its loss; and the budget of the target net.

A configuration has a mapping of them by name: ``penalties.sparsity.factor=0.1``. Sparsity and expected MACs are in
every search; each adds a term where it has a meaning.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, ClassVar, Literal, Self

import torch
from pydantic import PositiveFloat, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional

from genocc.configuration import Part, Rate, refuse
from genocc.counting import count
from genocc.files import read_bytes
from genocc.genotype import Cell, Edge, Genotype
from genocc.latency.prediction import LATENCY, predict
from genocc.latency.profile import MAX_BYTES, Profile
from genocc.network import NetworkConfig, SkeletonName

from ..interface import CellSpace, DataShape
from ..registry import Composition, OpenPart
from .relaxation import ArchitectureState


class Penalty(OpenPart):
    """A term of the architecture's loss.

    Attributes:
        factor: What it is multiplied by.
    """

    kind: ClassVar[str] = "penalty"
    group: ClassVar[str] = "genocc.penalties"
    usual: ClassVar[str] = "sparsity"

    factor: Rate = 1.0

    @abstractmethod
    def build(self, config: Composition, spaces: Mapping[str, CellSpace], data_shape: DataShape) -> PenaltyTerm | None:
        """Returns the term; None where it has no meaning.

        Args:
            config: The whole search.
            spaces: Kind of cell -> its edges and operations.
            data_shape: Sizes of images and classes.
        """


class PenaltyTerm(nn.Module):
    """The term of a penalty; a module without parameters, whose buffers are not persistent."""

    def forward(self, architecture: ArchitectureState) -> Tensor:
        """Returns the term, a scalar, its factor included."""
        raise NotImplementedError


class BudgetConfig(Part):
    """Budget of deployers, which none of the papers has: costs at the target skeleton, by genocc's own figures.

    Attributes:
        max_macs: The budget of the target net; also what the expected MACs are divided by.
        max_params: The same for its parameters.
        max_latency: The same for its predicted latency, in seconds; needs ``latency``.
        latency: A file of ``genocc profile``, by which the latency is predicted.
        force_latency: Whether a file of another machine or runtime is taken.
        skeleton: The target net's skeleton.
        channels: Its C; None: the skeleton's default.
        layers: Its number of cells; None: the skeleton's default.
    """

    max_macs: PositiveInt | None = None
    max_params: PositiveInt | None = None
    max_latency: PositiveFloat | None = None
    latency: str | None = None
    force_latency: bool = False
    skeleton: SkeletonName = "cifar"
    channels: PositiveInt | None = None
    layers: PositiveInt | None = None

    @model_validator(mode="after")
    def _predictable(self) -> Self:
        if self.max_latency is not None and self.latency is None:
            refuse("budget.max_latency (--max-latency) needs budget.latency (--latency): a file of genocc profile")
        return self

    def profile(self) -> Profile | None:
        """Returns the profile that latencies are predicted by, None without one; raises GenoccError as its `load`."""
        return None if self.latency is None else Profile.load(self.latency, force=self.force_latency)

    def files(self) -> dict[str, str]:
        """Returns setting -> digest of the file that it names; raises FileError where that cannot be read."""
        if self.latency is None:
            return {}
        return {"budget.latency": sha256(read_bytes(self.latency, limit=MAX_BYTES)).hexdigest()}

    def latency_metadata(self, genotype: Genotype, **sizes: Any) -> dict[str, Any]:
        """Returns metadata that say the target net's predicted latency, none without a profile; raises GenoccError."""
        if (profile := self.profile()) is None:
            return {}
        return {LATENCY: predict(genotype, profile, self.target(**sizes)).seconds}

    def target(self, **sizes: Any) -> NetworkConfig:
        """Returns the target net's configuration; ``sizes`` are classes, input_size and input_channels."""
        return NetworkConfig.make(skeleton=self.skeleton, channels=self.channels, layers=self.layers, **sizes)


class Sparsity(Penalty):
    """Lambda times the mean of -log t over the nodes of a cell, summed over the kinds (EnTranNAS Eq. 11).

    Where the relaxation has learned thresholds (``relaxation.dst``).

    Attributes:
        factor: Lambda. 4.3 has 0.2, Table 4 also 0.1 and 0.05, all on ImageNet; 0.2 on CIFAR is ours.
    """

    name: Literal["sparsity"] = "sparsity"
    factor: Rate = 0.2

    def build(self, config: Composition, spaces: Mapping[str, CellSpace], data_shape: DataShape) -> PenaltyTerm | None:
        return SparsityTerm(self.factor) if config.relaxation.cuts else None


class SparsityTerm(PenaltyTerm):
    """`Sparsity`, of the relaxation's thresholds."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, architecture: ArchitectureState) -> Tensor:
        betas = architecture.parameters.thresholds().values()
        return self.factor * torch.stack([functional.softplus(-beta).mean() for beta in betas]).sum()  # -log sigmoid


class ExpectedMacs(Penalty):
    """The expected MACs of the target net over ``budget.max_macs``, which the papers do not have.

    Attributes:
        factor: Factor X of the expected MACs over the budget in the architecture loss; 0: none.
    """

    name: Literal["macs"] = "macs"
    factor: Rate = 0.0

    def check(self, config: Composition) -> None:
        if self.factor and not config.budget.max_macs:
            refuse("penalties.macs.factor needs budget.max_macs: the expected MACs are measured against it")

    def build(self, config: Composition, spaces: Mapping[str, CellSpace], data_shape: DataShape) -> PenaltyTerm | None:
        return ExpectedMacsTerm(self.factor, config.budget, spaces, data_shape) if self.factor else None


class ExpectedCostTerm(PenaltyTerm):
    """The sum of coefficient x cost of each (edge, operation), times a factor.

    Args:
        factor: Of the sum.
        costs: Kind of cell -> costs (E, K), in all cells of the kind.
    """

    def __init__(self, factor: float, costs: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.factor = factor
        for kind, table in costs.items():
            self.register_buffer(kind, table, persistent=False)

    def forward(self, architecture: ArchitectureState) -> Tensor:
        found = architecture.coefficients
        terms = [(of.edge[:, None] * of.op * self.get_buffer(kind)).sum() for kind, of in found.items()]
        return self.factor * torch.stack(terms).sum()


class ExpectedMacsTerm(ExpectedCostTerm):
    """The expected MACs at the target skeleton, over the budget, times a factor.

    Args:
        factor: X.
        budget: The budget and the target skeleton.
        spaces: Kind of cell -> its edges and operations.
        data_shape: Sizes of images and classes.
    """

    def __init__(
        self, factor: float, budget: BudgetConfig, spaces: Mapping[str, CellSpace], data_shape: DataShape
    ) -> None:
        assert budget.max_macs is not None, "checked by ExpectedMacs"
        target = budget.target(**data_shape.of_network)
        super().__init__(factor / budget.max_macs, candidate_macs(spaces, target))


def candidate_macs(spaces: Mapping[str, CellSpace], target: NetworkConfig) -> dict[str, Tensor]:
    """Returns for each kind the MACs (E, K) that an (edge, operation) has in all the target's cells of that kind."""
    found = count(all_candidates(spaces), target).by_edge
    macs = {(e.cell, e.source, e.target, e.op): e.cost.macs for e in found}
    rows = {
        kind: [[macs.get((kind, *edge, name), 0) for name in space.operations] for edge in space.edges]  # `none`: 0
        for kind, space in spaces.items()
    }
    return {kind: torch.tensor(table, dtype=torch.float32) for kind, table in rows.items()}


def all_candidates(spaces: Mapping[str, CellSpace]) -> Genotype:
    """Returns the genotype that has every operation on every edge, ``none`` aside."""
    return Genotype(name="all candidates", cells={kind: _whole_cell(space) for kind, space in spaces.items()})


def _whole_cell(space: CellSpace) -> Cell:
    names = [name for name in space.operations if name != "none"]
    nodes: list[list[Edge]] = [[] for _ in range(space.nodes)]
    for source, target in space.edges:
        nodes[target - space.inputs] += [Edge.model_validate({"op": name, "from": source}) for name in names]
    return Cell(inputs=space.inputs, nodes=tuple(map(tuple, nodes)), concat=space.concat)
