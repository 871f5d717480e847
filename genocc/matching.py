"""Matching the nodes of two cells one to one, so that as much as possible is shared.

What a matching shares are the edges (operation and both ends) and concat entries that lie in both cells. The largest
such matching is a hard problem (maximum common subgraph of labelled graphs). It is solved by local search from two
starts, then by branch and bound, which proves the result for the cells of the literature within a fraction of a
second. Larger or very different cells end at ``BUDGET``, with the best matching found until then.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import product

from genocc.genotype import Cell

BUDGET = 200_000
"""Limit of comparisons between pairs of nodes: about a second for small cells, a few seconds for the largest."""

Matching = dict[int, int]


def match_nodes(a: Cell, b: Cell, budget: int = BUDGET) -> tuple[Matching, bool]:
    """Matches the live states of two cells; inputs match from the last backwards (c_{k-1} is c_{k-1}).

    Ties go to the matching that keeps more numbers. Nodes that would share nothing stay unmatched.

    Args:
        a: A cell.
        b: Another.
        budget: Limit of comparisons between pairs of nodes.

    Returns:
        State of ``a`` -> state of ``b``, inputs included, and whether no other matching shares more.
    """
    if a == b:
        inputs = {a.inputs - back: a.inputs - back for back in range(1, a.inputs + 1)}
        return {**inputs, **{state: state for state in sorted(a.live) if state >= a.inputs}}, True
    matcher = _Matcher(a, b, budget)
    matching, proven = matcher.run()
    return {**matcher.inputs, **matcher.meaningful(matching)}, proven


class _Matcher:
    def __init__(self, a: Cell, b: Cell, budget: int) -> None:
        self.inputs = {a.inputs - back: b.inputs - back for back in range(1, min(a.inputs, b.inputs) + 1)}
        self.nodes = [state for state in sorted(a.live) if state >= a.inputs]
        self.others = [state for state in sorted(b.live) if state >= b.inputs]
        self.into_a, self.into_b = _arriving(a), _arriving(b)
        self.users: dict[int, set[int]] = defaultdict(set)
        for node in self.nodes:
            for source in self.into_a[node]:
                self.users[source].add(node)
        self.concat_a, self.concat_b = set(a.concat), set(b.concat)
        self.pairs = {v: {w: self._pair(v, w) for w in self.others} for v in self.nodes}
        self.unit = len(self.nodes) + 1  # one shared edge outweighs all kept numbers
        self.left = self.budget = budget
        self.limits = {v: {w: self._limit(v, w) for w in self.others} for v in self.nodes}
        best = [max(self.limits[v].values(), default=0) for v in self.nodes]
        self.remaining = [sum(best[at:]) for at in range(len(best) + 1)]
        self.best: Matching = {}
        self.best_score = -1

    def run(self) -> tuple[Matching, bool]:
        """Returns the best matching of nodes, and whether the search was complete."""
        same = {v: v for v in self.nodes if v in self.others}
        for start in (same, self._greedy()):
            self._keep(self._improved(start))
        self._search(0, {}, 0, len(self.nodes) - len(self.others))
        return self.best, self.left > 0

    def meaningful(self, matching: Matching) -> Matching:
        """The matching without pairs that share nothing and differ in number."""
        shares: Counter[int] = Counter()
        for v, w in matching.items():
            sure, rows = self.pairs[v][w]
            shares[v] += sure
            for source, numbers in rows:
                shared = numbers.get(matching.get(source, -1), 0)
                shares[v] += shared
                shares[source] += shared
        return {v: w for v, w in matching.items() if v == w or shares[v]}

    def _pair(self, v: int, w: int) -> tuple[int, list[tuple[int, dict[int, int]]]]:
        """Items that the pair shares in any case (concat, edges from inputs), and those per source of v and of w."""
        sure = int(v in self.concat_a and w in self.concat_b)
        rows = []
        for source, ops in self.into_a[v].items():
            if source in self.inputs:
                sure += _overlap(ops, self.into_b[w].get(self.inputs[source], Counter()))
            else:
                found = {image: _overlap(ops, others) for image, others in self.into_b[w].items()}
                rows.append((source, {image: number for image, number in found.items() if number}))
        return sure, [row for row in rows if row[1]]

    def _gain(self, v: int, w: int, matching: Matching) -> int:
        """Score that the pair adds: concat, number, and the edges from states that are matched already."""
        self.left -= 1
        shared, rows = self.pairs[v][w]
        for source, numbers in rows:
            shared += numbers.get(matching.get(source, -1), 0)
        return self.unit * shared + (v == w)

    def _limit(self, v: int, w: int) -> int:
        """Upper bound of the score that a pair adds, whatever else is matched."""
        inputs_b = set(self.inputs.values())
        rest_a = Counter(op for s, ops in self.into_a[v].items() if s not in self.inputs for op in ops.elements())
        rest_b = Counter(op for s, ops in self.into_b[w].items() if s not in inputs_b for op in ops.elements())
        return self.unit * (self.pairs[v][w][0] + _overlap(rest_a, rest_b)) + (v == w)

    def _greedy(self) -> Matching:
        """Matches node by node in order, each with what shares most; what could still be shared breaks ties."""
        matching: Matching = {}
        free = set(self.others)
        for v in self.nodes:
            if free:
                matching[v] = max(free, key=lambda w: (self._gain(v, w, matching), self.limits[v][w], -w))
                free.remove(matching[v])
        return matching

    def _improved(self, matching: Matching) -> Matching:
        """Lets nodes take other images, and their holders the old ones, as long as the score grows."""
        matching = dict(matching)
        progress = True
        while progress and self.left > self.budget // 2:
            progress = False
            for v, w in product(self.nodes, self.others):
                changed = _exchanged(matching, v, w)
                moved = {u for u in {*matching, *changed} if changed.get(u) != matching.get(u)}
                affected = moved.union(*(self.users[u] for u in moved))
                if self._score(affected, changed) > self._score(affected, matching):
                    matching, progress = changed, True
        return matching

    def _score(self, nodes: Iterable[int], matching: Matching) -> int:
        return sum(self._gain(v, matching[v], matching) for v in nodes if v in matching)

    def _keep(self, matching: Matching) -> None:
        if (score := self._score(self.nodes, matching)) > self.best_score:
            self.best, self.best_score = dict(matching), score

    def _search(self, depth: int, matching: Matching, score: int, spare: int) -> None:
        """Branch and bound over the nodes of A in order; ``spare`` of them may still go without an image."""
        if depth == len(self.nodes):
            if score > self.best_score:
                self.best, self.best_score = dict(matching), score
            return
        v, taken = self.nodes[depth], set(matching.values())
        gains = {w: self._gain(v, w, matching) for w in self.others if w not in taken}
        for w in sorted(gains, key=lambda w: (gains[w], self.limits[v][w]), reverse=True):
            if score + gains[w] + self.remaining[depth + 1] > self.best_score and self.left > 0:
                self._search(depth + 1, {**matching, v: w}, score + gains[w], spare)
        if spare > 0 and score + self.remaining[depth + 1] > self.best_score and self.left > 0:
            self._search(depth + 1, matching, score, spare - 1)


def _exchanged(matching: Matching, v: int, w: int) -> Matching:
    """The matching in which v has the image w, and w's former holder v's former image."""
    former = matching.get(v)
    changed = {u: x for u, x in matching.items() if u != v and x != w} | {v: w}
    holder = next((u for u, x in matching.items() if x == w), None)
    if holder is not None and holder != v and former is not None:
        changed[holder] = former
    return changed


def _arriving(cell: Cell) -> dict[int, dict[int, Counter[str]]]:
    """Live node -> source -> its operations."""
    arriving: dict[int, dict[int, Counter[str]]] = {s: defaultdict(Counter) for s in cell.live if s >= cell.inputs}
    for state, _, edge in cell.edges():
        if state in arriving:
            arriving[state][edge.source][edge.op] += 1
    return arriving


def _overlap(first: Counter[str], second: Counter[str]) -> int:
    return sum(min(number, second[op]) for op, number in first.items() if op in second)
