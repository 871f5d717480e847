"""A search method of another package: a random relaxation, a derivation by threshold, and a penalty.

Each step computes one operation per edge, drawn by its probability. What has more than a share of its edge's
probability is derived, at most two operations per node. The penalty is the entropy of the edges.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Generator, Tensor, nn

from genocc.searchers.interface import CellSpace, Coefficients, DataShape
from genocc.searchers.method import Method
from genocc.searchers.parts import ArchitectureParameters, Derivation, Penalty, PenaltyTerm, Relaxation
from genocc.searchers.parts.derivation import candidates, mask_of, strongest_of_nodes
from genocc.searchers.parts.relaxation import ArchitectureState, among_candidates
from genocc.searchers.registry import Composition


class OneOf(Relaxation):
    """One operation per edge and step, drawn by the softmax of its alphas; the gradient is that of the softmax.

    Attributes:
        noise: Standard deviation of the alphas before the search.
    """

    name: Literal["one-of"] = "one-of"
    noise: float = Field(default=1e-3, ge=0)

    def build(self, spaces: Mapping[str, CellSpace], seed: int) -> OneOfParameters:
        return OneOfParameters(self, spaces, seed)


class OneOfParameters(ArchitectureParameters):
    """The alphas of `OneOf`."""

    random: ClassVar[bool] = True

    def __init__(self, config: OneOf, spaces: Mapping[str, CellSpace], seed: int) -> None:
        super().__init__()
        self.spaces = spaces
        generator = Generator().manual_seed(seed)
        self.alpha = nn.ParameterDict({
            kind: nn.Parameter(config.noise * torch.randn(len(s.edges), len(s.operations), generator=generator))
            for kind, s in spaces.items()
        })  # fmt: skip

    def coefficients(self, progress: float) -> dict[str, Coefficients]:
        """The probabilities, which are the mean of what is drawn."""
        return {kind: self._of(kind, self._probabilities(kind)) for kind in self.spaces}

    def draw(self, progress: float, generator: Generator) -> dict[str, Coefficients]:
        found = {}
        for kind in self.spaces:
            p = self._probabilities(kind)
            drawn = torch.multinomial(p.detach().cpu(), 1, generator=generator).to(p.device)
            hard = torch.zeros_like(p).scatter_(1, drawn, 1.0)
            found[kind] = self._of(kind, hard + p - p.detach(), hard.bool())  # straight through
        return found

    def _of(self, kind: str, op: Tensor, mask: Tensor | None = None) -> Coefficients:
        return Coefficients(op.new_ones(len(op)), op, self._probabilities(kind), mask)

    def _probabilities(self, kind: str) -> Tensor:
        return among_candidates(self.spaces[kind], self.alpha[kind]).softmax(1)


class Above(Derivation):
    """What has more than a share of the probability, at most some operations per node.

    Attributes:
        share: Of the edge's probability.
        most: Operations per node.
    """

    name: Literal["above"] = "above"
    share: float = Field(default=0.1, ge=0, lt=1)
    most: int = Field(default=2, ge=1)

    def cell(self, space: CellSpace, coefficients: Coefficients) -> Tensor:
        found = {choice: x for choice, x in candidates(space, coefficients).items() if x > self.share}
        return mask_of(space, strongest_of_nodes(space, found, list(found), self.most), coefficients)


class Decided(Penalty):
    """The mean entropy of the edges, in nats, times a factor."""

    name: Literal["decided"] = "decided"

    def build(self, config: Composition, spaces: Mapping[str, CellSpace], data_shape: DataShape) -> PenaltyTerm | None:
        return Entropy(self.factor)


class Entropy(PenaltyTerm):
    """`Decided` as a term of the loss."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, architecture: ArchitectureState) -> Tensor:
        found = [torch.special.entr(of.op).sum(1).mean() for of in architecture.coefficients.values()]
        return self.factor * torch.stack(found).mean()


class Hard(Method):
    """Hard: one drawn operation per edge and step; what is likely enough is derived."""

    name = "hard"
    paper = "this package"
    relaxation = OneOf()
    derivation = Above()
    penalties = (Decided(factor=0.1),)
