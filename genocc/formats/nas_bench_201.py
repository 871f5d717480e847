"""The architecture strings of NAS-Bench-201."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from genocc.errors import FormatError
from genocc.formats.autodl import SEARCH_NAMES
from genocc.formats.base import Dialect
from genocc.formats.cells import ForeignCell, ForeignEdge, brief
from genocc.formats.genotype_calls import OPENING, is_genotype
from genocc.formats.limits import Limits
from genocc.formats.literals import called, literal
from genocc.formats.sightings import Sighting, Sought, sightings
from genocc.formats.vocabulary import Vocabulary, same_names
from genocc.genotype import MAX_NODES, Genotype
from genocc.operations import NONE


class NasBench201(Dialect):
    """Nodes joined by ``+``, each ``|op~from|op~from|``: one cell with one input, whose output is its last node.

    Read as well: the program's ``Structure(4 nodes with ...)``, and its lists of a tuple per node of ``(op, from)``.

    ``none`` means that there is no edge; it is written for every pair of states without one, as the benchmark's own
    strings have it. A node of nothing else is zero. Several operations between two states and other numbers of nodes
    are legal in the program's Structure class, though not among the benchmark's nets.
    """

    name = "nas-bench-201"
    origin = "D-X-Y/AutoDL-Projects xautodl/models/cell_searchs/genotypes.py"
    expected = "|nor_conv_3x3~0|+|nor_conv_3x3~0|skip_connect~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"
    vocabulary = Vocabulary(
        writes={
            **same_names(("skip_connect", "avg_pool_3x3")),
            "conv_1x1": "nor_conv_1x1",
            "conv_3x3": "nor_conv_3x3",
        },
        aliases=SEARCH_NAMES,
    )
    limits = Limits(kinds=("normal",), inputs=1, output="last")

    def entries(self, text: str) -> Sequence[Sighting]:
        lines = re.sub(r"\+\s*\n\s*|\s*\n\s*\+", "+", text.strip()).split("\n")
        if len(lines) == 1 and lines[0].startswith("|"):
            return [Sighting("", lines[0], 1, 1)]  # also one that is broken, so that the error says where
        return [item for item in sightings(text, _SOUGHT) if not _is_genotype(item.value)]

    def cells(self, entry: Any) -> Mapping[str, ForeignCell]:
        groups = entry.split("+") if isinstance(entry, str) else _text_or_list(entry)
        if len(groups) > MAX_NODES:
            raise FormatError(f"{len(groups):,} nodes; expected at most {MAX_NODES}")
        nodes = {
            state: _edges(state, group) if isinstance(group, str) else _listed(group)
            for state, group in enumerate(groups, start=1)
        }
        return {"normal": ForeignCell(nodes, (len(nodes),), inputs=1)}

    def text(self, genotype: Genotype) -> str:
        groups = []
        for state, edges in enumerate(genotype.cells["normal"].nodes, start=1):
            by_source: dict[int, list[str]] = {source: [] for source in range(state)}
            for edge in edges if not edges[0].is_none else ():
                by_source[edge.source].append(self.vocabulary.spelling(edge.op))
            listed = [f"{op}~{source}" for source, ops in by_source.items() for op in ops or ["none"]]
            groups.append(f"|{'|'.join(listed)}|")
        return "+".join(groups) + "\n"


def _is_structure(node: ast.expr) -> bool:
    """Whether an expression is a string of an architecture, or a list of a list per node of (op, from)."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and node.value.startswith("|") and not re.search(r"\s", node.value)
    return _is_listed(node, lambda group: _is_listed(group, _is_pair)) or _is_genotype(node)


def _is_listed(node: ast.expr, item: Callable[[ast.expr], bool]) -> bool:
    while isinstance(node, ast.Call) and called(node) in ("list", "tuple") and len(node.args) == 1:
        node = node.args[0]
    return isinstance(node, (ast.List, ast.Tuple)) and bool(node.elts) and all(map(item, node.elts))


def _is_pair(node: ast.expr) -> bool:
    match node:
        case ast.Tuple(elts=[op, source]) | ast.List(elts=[op, source]):
            return isinstance(op, ast.Constant) and isinstance(op.value, str) and not isinstance(source, ast.List)
    return False


def _is_genotype(value: Any) -> bool:
    """Whether a value is a genotype of a cell with two inputs, in which lists of (op, from) mean other nodes.

    A call with one argument, ``NB201Genotype("|...|")``, has not two cells but what is sought.
    """
    match value:
        case ast.Call(args=[_], keywords=[]) | ast.Call(args=[], keywords=[ast.keyword(arg=str())]):
            return called(value) in ("dict", "OrderedDict") and is_genotype(value)
        case ast.expr():
            return is_genotype(value)
    return False


_WITHIN = r"\s*(?:(?:list|tuple)\s*\(\s*)?[(\[]"
_SOUGHT = Sought(
    _is_structure,
    telling=re.compile(rf"\|[^\s|~]*~|[(\[]{_WITHIN}{_WITHIN}\s*['\"]|^\||['\"]\|"),
    opening=re.compile(rf"{OPENING}|(?:[(\[]|\b(?:list|tuple)\s*\()(?={_WITHIN}{_WITHIN}\s*['\"])"),
    verbatim=re.compile(r"\|[^\s|~+'\"]+~[^\s|~+'\"]+\|[^\s'\"`)\],;]*(?:(?:(?<=\+)\s*|\s*\+\s*)\|[^\s'\"`)\],;]*)*"),
)


def _text_or_list(entry: ast.expr) -> Any:
    value = literal(entry)
    return value.split("+") if isinstance(value, str) else value


def _listed(group: list[list[Any]]) -> list[ForeignEdge]:
    """The edges of a node as a list."""
    for op, source in group:
        if type(source) is not int:
            raise FormatError(f"found {brief([op, source])}; expected (op, from)")
    return _present([ForeignEdge(op, source) for op, source in group])


def _edges(state: int, group: str) -> list[ForeignEdge]:
    if not (match := re.fullmatch(r"\|(.*)\|", group.strip())):
        raise FormatError(f"node {state}: found {brief(group)}; expected |op~from|...|")
    edges = []
    for item in match[1].split("|"):
        op, _, source = item.partition("~")
        if not op or not re.fullmatch(r"[0-9]{1,4}", source):
            raise FormatError(f"node {state}: found {brief(item)}; expected op~from")
        edges.append(ForeignEdge(op, int(source)))
    return _present(edges)


def _present(edges: list[ForeignEdge]) -> list[ForeignEdge]:
    """The edges of a node without `none`, which says that there is none; of nothing else, one, since it is zero."""
    return [edge for edge in edges if edge.op != NONE] or edges[:1]
