"""What the dialects of ``Genotype(...)`` calls share: arguments, edges as tuples, names."""

from __future__ import annotations

import ast
from itertools import permutations

import pytest

from genocc import Cell, Edge, Genotype
from genocc.errors import FormatError
from genocc.formats.cells import ForeignCell, ForeignEdge
from genocc.formats.darts import Darts
from genocc.formats.gdas import Gdas
from genocc.formats.genotype_calls import fields, foreign, identifier, is_call, is_genotype, listing, states
from genocc.formats.robust_darts import RobustDarts


def expression(text: str) -> ast.Call:
    node = ast.parse(text, mode="eval").body
    assert isinstance(node, ast.Call)
    return node


CELL = Cell(nodes=((Edge(op="sep_conv_3x3", source=0, weight=0.25), Edge(op="skip_connect", source=1)),), concat=(2,))


@pytest.mark.parametrize("names", [*permutations(("op", "from", "to")), ("op", "from", "weight"), ("from", "op")])
def test_edges_are_written_and_read_in_the_order_of_the_fields(names: tuple[str, ...]) -> None:
    class Own(Darts):
        edge_fields = names

    own = Own()
    listed = ast.literal_eval(own.listed(CELL))
    read = [foreign(own.edge("here", list(entry))) for entry in listed]
    weights = (0.25, 1.0) if "weight" in names else (None, None)
    assert read == [ForeignEdge("sep_conv_3x3", 0, weights[0]), ForeignEdge("skip_connect", 1, weights[1])]
    if "to" in names:
        assert [entry[names.index("to")] for entry in listed] == [2, 2]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("op", "here: found 'op'; expected (op, from)"),
        (["conv_1x1"], "here: found ['conv_1x1']; expected (op, from)"),
        ([1, 0], "here: found 1 as op; expected an operation's name"),
        (["conv_1x1", "0"], "here: found '0' as from; expected a state's number"),
        (["conv_1x1", False], "here: found False as from; expected a state's number"),
    ],
)
def test_an_edge_is_a_tuple_of_the_right_kinds(value: object, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        Darts().edge("here", value)
    assert str(caught.value) == message


def flat(*sources: int, concat: list[int]) -> dict[int, list[int]]:
    entries = [["conv_1x1", source] for source in sources]
    return {node: [edge.source for edge in edges] for node, edges in Darts().flat("here", entries, concat).items()}


def test_the_concat_says_whether_a_flat_list_has_two_edges_per_node_or_all() -> None:
    assert flat(0, 1, concat=[2]) == {2: [0, 1]}
    assert flat(0, 1, 2, 0, concat=[3]) == {2: [0, 1], 3: [2, 0]}
    assert flat(0, 1, 2, 0, 1, concat=[2, 3]) == {2: [0, 1], 3: [2, 0, 1]}
    every = (0, 1, 0, 1, 2, 0, 3, 2, 1, 4, 0, 1, 2, 3)
    assert flat(*every, concat=[4, 5]) == {2: [0, 1], 3: [0, 1, 2], 4: [0, 3, 2, 1], 5: [4, 0, 1, 2, 3]}
    seven = flat(*every, concat=[8])
    assert len(seven) == 7
    assert seven[8] == [2, 3]


@pytest.mark.parametrize(
    ("sources", "concat", "message"),
    [
        ((0, 1, 2), [3], "3 edges, but the last node of the concat is 3, the 2nd; "
         "expected 4 edges (two per node) or 5 (one from every earlier state)"),
        ((0, 1) * 6, [2, 3, 4, 5], "12 edges, but the last node of the concat is 5, the 4th; expected 8 edges"),
        ((0, 1) * 7, [2, 3, 4, 5], "14 edges, as many as 4 nodes have with one edge from every earlier state, but "
         "those of node 3 come from [0, 1, 0]; expected 0 to 2, each once"),
        ((0, 1) * 4, [2, 3, 4], "8 edges, but the last node of the concat is 4, the 3rd"),
        ((0, 1) * 6 + (0, 1) * 7, range(2, 14), "26 edges, but the last node of the concat is 13, the 12th"),
    ],
)  # fmt: skip
def test_a_flat_list_that_fits_neither_is_refused_with_the_numbers(
    sources: tuple[int, ...], concat: list[int], message: str
) -> None:
    with pytest.raises(FormatError) as caught:
        flat(*sources, concat=concat)
    assert str(caught.value).startswith(f"here: {message}")


def test_dead_nodes_at_the_end_are_not_written() -> None:
    pair = (Edge(op="conv_1x1", source=0), Edge(op="conv_3x3", source=1))
    cell = Cell(nodes=(pair, pair, pair), concat=(3, 2))
    genotype = Genotype(name="g", cells={"normal": cell, "reduction": cell})
    for dialect in (Darts(), Gdas(), RobustDarts()):
        if dialect.name == "gdas":
            cells = {kind: cell.model_copy(update={"nodes": (SEP,) * 3}) for kind in genotype.cells}
            genotype = genotype.model_copy(update={"cells": cells})
        read = dialect.read(dialect.write(genotype)).genotype
        assert read.hash == genotype.hash
        assert [len(cell.nodes) for cell in read.cells.values()] == [2, 2]


SEP = (Edge(op="sep_conv_3x3", source=0), Edge(op="skip_connect", source=1))


PAIRS = [["conv_1x1", 0]] * 2


def test_fields_without_an_effect_are_named_and_others_refused() -> None:
    values = {"normal": PAIRS, "normal_concat": [2], "reduction": PAIRS, "reduction_concat": [2]}
    extra = {"layout": "cell", "normal_bottleneck": "", "connectN": None, "epoch": 49, "val_acc": 97.1, "name": "x"}
    found = Darts().cells_of(values | extra)
    assert list(found) == ["normal", "reduction"]
    assert found["normal"].remarks == tuple(
        f"the field {name}={value!r} has no effect: left out" for name, value in extra.items()
    )
    for change in ({"layout": "raw"}, {"normal_bottleneck": "conv_1x1"}, {"epoch": [1]}, {"nodes": 4}):
        with pytest.raises(FormatError, match=rf"^unknown field '{next(iter(change))}'"):
            Darts().cells_of(values | change)
    with pytest.raises(FormatError, match=r"^found reduce twice, by two names"):
        Darts().cells_of(values | {"reduce": []})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x.Genotype()", True),
        ("{'epoch': 1, 'normal': []}", True),
        ("{'normal': Genotype()}", False),
        ("dict(normal=[1])", True),
        ("OrderedDict([('normal', (1,)), ('x', 2)])", True),
        ("OrderedDict({'normal': []})", True),
        ("namedtuple(normal=[1])", False),
        ("[[('a', 0)], [2, 3], [], [2]]", True),
        ("[[('a', 0)], [2, 3], [], []]", False),
        ("[[('a', 0)], [2, 3]]", False),
        ("normal", False),
    ],
)
def test_genotypes_are_calls_dictionaries_and_lists_of_their_fields(text: str, expected: bool) -> None:
    assert is_genotype(ast.parse(text, mode="eval").body) == expected


@pytest.mark.parametrize(
    "text",
    [
        "G(**{'a': 1}, b=[2])",
        "{'a': 1, 'b': [2]}",
        "dict(a=1, b=[2])",
        "OrderedDict([('a', 1), ('b', [2])])",
        "OrderedDict({'a': 1, 'b': (2,)})",
        "[1, [2]]",
    ],
)
def test_fields_are_read_from_each_of_them(text: str) -> None:
    assert fields(ast.parse(text, mode="eval").body, ("a", "b")) == {"a": 1, "b": [2]}


def test_both_cells_are_needed_and_nothing_else() -> None:
    values = {"normal": [["conv_1x1", 0]] * 2, "normal_concat": [2], "reduce": [], "reduce_concat": []}
    found = Darts().cells_of(values)
    assert found == {
        "normal": ForeignCell({2: [ForeignEdge("conv_1x1", 0)] * 2}, [2]),
    }
    for change, message in [
        ({"other": 1}, "unknown field 'other'; expected normal, normal_concat, reduce, reduce_concat"),
        ({"reduce": None}, "reduce=None: its program puts a hand-written reduction cell there"),
    ]:
        with pytest.raises(FormatError) as caught:
            Darts().cells_of(values | change)
        assert str(caught.value).startswith(message)
    with pytest.raises(FormatError, match=r"^the field normal_concat is missing"):
        Darts().cells_of({name: value for name, value in values.items() if name != "normal_concat"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Genotype()", True), ("gt.CNNGenotype(1)", True), ("Genotypes()", False), ("Genotype", False), ("f()()", False)],
)
def test_calls_are_known_by_the_end_of_their_name(text: str, expected: bool) -> None:
    assert is_call(ast.parse(text, mode="eval").body, "Genotype") == expected


def test_arguments_are_found_by_position_and_by_name() -> None:
    assert fields(expression("G(1, c=[2])"), ("a", "b")) == {"a": 1, "c": [2]}
    assert fields(expression("G(a=range(2))"), None) == {"a": range(2)}


@pytest.mark.parametrize(
    ("text", "order", "message"),
    [
        ("G(1)", None, "line 1: 1 arguments without a name; name each"),
        ("G(1, 2)", ("a",), "line 1: 2 arguments without a name; name each"),
        ("G(1, a=2)", ("a",), "line 1: found a twice; expected each field once, by its name"),
        ("G(**x)", ("a",), "line 1: found **; expected each field once, by its name"),
        ("G(a=x)", ("a",), "line 1: found a name; expected plain values and range(...) only"),
    ],
)
def test_other_arguments_are_refused(text: str, order: tuple[str, ...] | None, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        fields(expression(text), order)
    assert str(caught.value) == message


def test_a_concat_is_a_list_or_a_short_range() -> None:
    assert states("here", [5, 3]) == [5, 3]
    assert states("here", range(5, 1, -2)) == [5, 3]
    assert listing("here", [1]) == [1]
    for value, message in [
        (range(65), "here, concat: a range of more than 64 numbers; a cell has fewer nodes"),
        ([True], "here, concat: found True; expected the numbers of nodes"),
        (None, "here, concat: found None; expected a list"),
    ]:
        with pytest.raises(FormatError) as caught:
            states("here", value)
        assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "written"), [("pc-darts 2", "pc_darts_2"), ("2nd", "_2nd"), ("class", "_class"), ("é", "_"), ("", "_")]
)
def test_a_name_becomes_an_identifier(name: str, written: str) -> None:
    assert identifier(name) == written
    assert written.isidentifier()
