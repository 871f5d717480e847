"""What a search has not decided: coefficients that are all alike, and choices that the alphas' first noise could turn.

A derivation always names a winner. It says something about the search only where the winner is ahead by more than what
the alphas began with; both cases are told in sentences, for the summary, the report and the genotype's metadata.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .interface import CellSpace, Coefficients, Masks

UNIFORM = 0.01
"""How far a candidate's importance may be from the mean of its node's, relative to it, for a kind to be uniform."""

Candidate = tuple[int, int]
"""(edge, operation), by number."""


@dataclass(frozen=True)
class Contest:
    """A comparison on which the choice of a node hangs: a candidate that is kept, and the closest one that is not."""

    kept: Candidate
    dropped: Candidate


def undecided(
    spaces: Mapping[str, CellSpace],
    coefficients: Mapping[str, Coefficients],
    masks: Masks,
    alphas: Sequence[Tensor],
    within_edges: bool,
    noise: float | None,
) -> list[str]:
    """Returns what is undecided as sentences, one per kind of cell that is uniform or else per node; [] at best.

    Args:
        spaces: Kind of cell -> its edges and operations.
        coefficients: Of each kind, with gradient history.
        masks: What the derivation keeps.
        alphas: The architecture parameters that the coefficients are functions of.
        within_edges: `Derivation.within_edges` of the rule that made the masks.
        noise: Standard deviation of the alphas before the search; None: they did not start as noise, and no node can
            be compared with it.
    """
    found = []
    for kind, space in spaces.items():
        importance, mask = coefficients[kind].importance, masks[kind]
        if is_uniform(space, importance):
            found.append(f"{kind} cell: the coefficients are within {UNIFORM:.0%} of uniform: the genotype is noise")
            continue
        if noise is None:
            continue
        for target in range(space.inputs, space.inputs + space.nodes):
            contests = [
                (distance(importance, contest, alphas), contest)
                for contest in node_contests(space, importance, mask, within_edges, target)
            ]
            margin, closest = min(contests, key=lambda pair: pair[0], default=(math.inf, None))
            if closest and margin < noise:
                kept, dropped = (_named(space, candidate) for candidate in (closest.kept, closest.dropped))
                found.append(
                    f"{kind} cell, node {target}: {kept} is ahead of {dropped} by {margin:.2g} of alpha, less than the "
                    f"noise that the alphas started with ({noise:g}): the choice is undecided"
                )
    return found


def is_uniform(space: CellSpace, importance: Tensor) -> bool:
    """Whether all candidates of each node, ``none`` aside, have the same importance, to 1% of their mean.

    Within a node they are equal at the start in every relaxation: shares of an edge (softmax), of a node (CEN), their
    product with edge weights, p-hat (DST), or each its own (sigmoid). What a stage has dropped is no candidate.
    """
    real = torch.tensor([name != "none" for name in space.operations], device=importance.device)
    competing = space.candidate_mask(importance.device) & real
    for target in range(space.inputs, space.inputs + space.nodes):
        of_node = space.incoming(target)
        candidates = importance.detach()[of_node][competing[of_node]].double()
        mean = candidates.mean()
        if not bool(((candidates - mean).abs() <= UNIFORM * mean).all()):
            return False
    return True


def node_contests(
    space: CellSpace, importance: Tensor, mask: Tensor, within_edges: bool, target: int
) -> Iterator[Contest]:
    """Yields the comparisons that decide a node: of those to one candidate the closest, which is the one to lose.

    ``argmax``, and ``top-k`` of distinct predecessors: each kept operation with the best other one of its edge. The
    latter also: the weakest kept edge with the strongest dropped one. Other rules: the weakest that is kept with the
    strongest that is not, edges and operations alike. A candidate that is stronger than one that is kept has lost by
    another rule, such as a limit of skips, and not by a comparison.

    Args:
        space: Edges and operations.
        importance: (E, K), which the derivation compares.
        mask: (E, K), what it keeps.
        within_edges: `Derivation.within_edges` of the rule that made the mask.
        target: The state of the node.
    """
    values: list[list[float]] = importance.tolist()
    kept_at = mask.tolist()
    rows = {
        edge: [(edge, k) for k, name in enumerate(space.operations) if name != "none"]
        for edge in space.incoming(target)
    }
    kept = [one for row in rows.values() for one in row if kept_at[one[0]][one[1]]]

    def value(one: Candidate) -> float:
        return values[one[0]][one[1]]

    def contest(winner: Candidate, others: list[Candidate]) -> Iterator[Contest]:
        if beaten := [one for one in others if value(one) <= value(winner)]:
            yield Contest(winner, max(beaten, key=value))

    if within_edges:
        for winner in kept:
            yield from contest(winner, [one for one in rows[winner[0]] if one != winner])
        edges = {edge for edge, _ in kept}
        lost = [one for edge, row in rows.items() if edge not in edges for one in row]
    else:
        lost = [one for row in rows.values() for one in row if one not in kept]
    if kept:
        yield from contest(min(reversed(kept), key=value), lost)


def distance(importance: Tensor, contest: Contest, alphas: Sequence[Tensor]) -> float:
    """Returns how far the alphas would have to move, together and at best, until both candidates are equal.

    To first order: log(kept / dropped) over the length of its gradient. Noise of standard deviation s in all alphas
    moves this distance by s, whatever relaxation lies between, saturated or not.
    """
    kept, dropped = importance[contest.kept], importance[contest.dropped]
    if float(dropped.detach()) <= 0:
        return math.inf  # cut, or too small for a float: no noise brings it back
    lead = kept.log() - dropped.log()
    ahead = abs(float(lead.detach()))
    gradients = torch.autograd.grad(lead, list(alphas), retain_graph=True, allow_unused=True)
    length = math.sqrt(sum(float(gradient.double().square().sum()) for gradient in gradients if gradient is not None))
    if length == 0:
        return 0.0 if ahead == 0 else math.inf
    return ahead / length


def _named(space: CellSpace, candidate: Candidate) -> str:
    edge, operation = candidate
    return f"{space.operations[operation]} from {space.edges[edge][0]}"
