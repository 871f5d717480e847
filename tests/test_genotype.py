"""Genotype files: what is accepted, what is refused and how, and that nothing is lost on the way to disk and back."""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import genocc
from genocc import Cell, Edge, GenoccError, Genotype
from genocc.errors import FileError, GenotypeError
from genocc.genotype import MAX_BYTES, schema
from tests.strategies import genotypes

SMALL: dict[str, Any] = {
    "format": "genocc.genotype",
    "version": 1,
    "name": "small",
    "cells": {
        "normal": {
            "inputs": 2,
            "nodes": [
                [{"op": "sep_conv_3x3", "from": 0, "weight": 0.5}, {"op": "sep_conv_3x3", "from": 0}],
                [{"op": "skip_connect", "from": 2}],
            ],
            "concat": [2, 3],
        }
    },
    "metadata": {"seed": 3},
}


@settings(max_examples=500)
@given(genotypes(weights=True))
def test_text_and_back(genotype: Genotype) -> None:
    text = genotype.dumps()
    again = Genotype.loads(text)
    assert again == genotype
    assert again.dumps() == text
    assert again.hash == genotype.hash


def test_file_and_back(tmp_path: Path, darts_v2: Genotype) -> None:
    darts_v2.save(tmp_path / "a.json")
    genocc.load(tmp_path / "a.json").save(tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "b.json"]


def test_a_run_folder_is_its_genotype(tmp_path: Path, darts_v2: Genotype) -> None:
    darts_v2.save(tmp_path / "genotype.json")
    assert genocc.load(tmp_path) == darts_v2
    with pytest.raises(FileError, match=r"a folder without genotype\.json"):
        genocc.load(tmp_path.parent)


def test_frozen(darts_v2: Genotype) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        darts_v2.name = "other"  # type: ignore[misc]


@given(genotypes(weights=True))
def test_schema_accepts_what_is_written(genotype: Genotype) -> None:
    jsonschema.validate(json.loads(genotype.dumps()), schema())


@pytest.mark.parametrize("path", ["cells.normal.nodes.0.0.op", "cells.normal.nodes.0.0.from", "name", "version"])
def test_schema_refuses(path: str) -> None:
    broken = changed(path, {"not": "this"})
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema())


REFUSED: list[tuple[str, Any, str]] = [
    ("format", "other", r"\$\.format: found 'other'"),
    ("version", 2, r"\$\.version: version 2; this genocc reads version 1"),
    ("version", True, r"\$\.version: version True"),
    ("version", 1.0, r"\$\.version: version 1.0"),
    ("name", "", r"\$\.name: "),
    ("name", "a\nb", r"\$\.name: a name has printable characters only"),
    ("name", None, r"\$\.name: found None"),
    ("extra", 1, r"\$\.extra: unknown field"),
    ("cells", {}, r"\$\.cells: "),
    ("cells", {"a b": {}}, r"\$\.cells\['a b'\]\.nodes: the field is missing"),
    ("cells", {"a b": SMALL["cells"]["normal"]}, r"\$\.cells: 'a b' cannot name a cell"),
    ("cells.normal", [], r"\$\.cells\.normal: "),
    ("cells.normal.inputs", 0, r"\$\.cells\.normal\.inputs: found 0"),
    ("cells.normal.inputs", "2", r"\$\.cells\.normal\.inputs: found '2'"),
    ("cells.normal.nodes", [], r"\$\.cells\.normal\.nodes: 0 nodes; expected 1 to 64"),
    ("cells.normal.nodes", [[{"op": "skip_connect", "from": 0}]] * 65, r"\$\.cells\.normal\.nodes: 65 nodes"),
    ("cells.normal.nodes.1", [{"op": "skip_connect", "from": 0}] * 1024, r"\$\.cells\.normal\.nodes: 1,026 edges"),
    ("cells.normal.nodes.1", [], r"\$\.cells\.normal\.nodes\[1\]: a node without edges"),
    ("cells.normal.nodes.0.0.op", "sep_conv_9x9", r"\$\.cells\.normal\.nodes\[0\]\[0\]\.op: .*did you mean"),
    ("cells.normal.nodes.0.0.op", "none", r"\$\.cells\.normal\.nodes\[0\]\[0\]\.op: 'none' adds nothing to the node's"),
    (
        "cells.normal.nodes.1",
        [{"op": "none", "from": 3}],
        r"nodes\[1\]\[0\]\.from: state 3 is not earlier than state 3",
    ),
    ("cells.normal.nodes.1", [{"op": "none", "from": 0}] * 2, r"nodes\[1\]\[0\]\.op: 'none' adds nothing to"),
    ("cells.normal.nodes.0.0.number", 1, r"nodes\[0\]\[1\]\.number: some edges of the cell have a number and some"),
    ("cells.normal.nodes.0.0.number", -1, r"nodes\[0\]\[0\]\.number: found -1"),
    ("cells.normal.nodes.0.0.op", 3, r"\$\.cells\.normal\.nodes\[0\]\[0\]\.op: found 3"),
    ("cells.normal.nodes.0.0.from", 2, r"nodes\[0\]\[0\]\.from: state 2 is not earlier than state 2; expected 0 to 1"),
    ("cells.normal.nodes.1.0.from", 3, r"nodes\[1\]\[0\]\.from: state 3 is not earlier than state 3"),
    ("cells.normal.nodes.0.0.from", -1, r"nodes\[0\]\[0\]\.from: found -1"),
    ("cells.normal.nodes.0.0.from", True, r"nodes\[0\]\[0\]\.from: found True"),
    ("cells.normal.nodes.0.0.from", 0.0, r"nodes\[0\]\[0\]\.from: found 0.0"),
    ("cells.normal.nodes.0.0.weight", 1.5, r"nodes\[0\]\[0\]\.weight: found 1.5"),
    ("cells.normal.nodes.0.0.to", 1, r"nodes\[0\]\[0\]\.to: unknown field"),
    ("cells.normal.concat", [], r"\$\.cells\.normal\.concat: an empty concat"),
    ("cells.normal.concat", [1], r"\$\.cells\.normal\.concat\[0\]: state 1 is not an intermediate state"),
    ("cells.normal.concat", [2, 2], r"\$\.cells\.normal\.concat\[1\]: state 2 stands in the concat already"),
    ("cells.normal.concat", [4], r"\$\.cells\.normal\.concat\[0\]: state 4 .*; expected an intermediate state, 2 to 3"),
    ("metadata", 3, r"\$\.metadata: found 3"),
    (
        "cells",
        {f"kind{number}": SMALL["cells"]["normal"] for number in range(65)},
        r"\$\.cells: 65 cells; expected at most 64",
    ),
]


@pytest.mark.parametrize(("path", "value", "message"), REFUSED)
def test_refusals_name_the_place(path: str, value: object, message: str) -> None:
    with pytest.raises(GenotypeError, match="^here: .*" + message):
        Genotype.from_dict(changed(path, value), where="here")


@pytest.mark.parametrize(
    "field", ["name", "cells", "cells.normal.nodes", "cells.normal.concat", "cells.normal.nodes.0.0.op"]
)
def test_missing_fields_are_named(field: str) -> None:
    last = field.rpartition(".")[2]
    with pytest.raises(GenotypeError, match=rf"\.{last}: the field is missing"):
        Genotype.from_dict(changed(field, ABSENT))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"\$: not JSON: Expecting value at line 1 column 1"),
        ('{"name": "a",}', r"\$: not JSON: .* at line 1"),
        ('{"name": "a", "name": "b"}', r"\$\.\.name: the field stands twice in one object"),
        ('{"metadata": {"x": NaN}}', r"\$: NaN is not JSON"),
        ('{"version": ' + "9" * 5000 + "}", r"\$: not a genotype"),
        ("[" * 100_000, r"\$: nested too deeply"),
        ('{"name": "\\ud800", "cells": {}}', r"\$\.name"),
        ("[]", r"\$: found \[\]"),
        ("3", r"\$: found 3"),
        (" " * (MAX_BYTES + 1), r"\$: 1,048,577 characters; expected at most 1,048,576"),
    ],
)
def test_texts_that_are_no_genotype(text: str, message: str) -> None:
    with pytest.raises(GenotypeError, match=message):
        Genotype.loads(text)


def test_half_a_surrogate_in_metadata_is_refused() -> None:
    with pytest.raises(GenotypeError, match=r"\$\.metadata: half of a surrogate pair"):
        Genotype.loads(json.dumps(changed("metadata", {"x": "\ud800"})))


def test_live_and_dead() -> None:
    edges = [(Edge(op="skip_connect", source=0),), (Edge(op="conv_1x1", source=2),), (Edge(op="conv_1x1", source=2),)]
    cell = Cell(nodes=tuple(edges), concat=(3,))
    assert cell.live == {0, 2, 3}
    assert cell.dead == (4,)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=600)
@given(genotype=genotypes(weights=True, max_nodes=4, max_edges=3), data=st.data())
def test_broken_genotypes_are_rejected_or_valid(genotype: Genotype, data: st.DataObject) -> None:
    """The corpus: each of 600 mutated files gives one error with a JSON path, or a valid genotype, in 100 ms of CPU."""
    document = json.loads(genotype.dumps())
    for _ in range(data.draw(st.integers(1, 3))):
        mutate(document, data)
    text = json.dumps(document)
    if data.draw(st.booleans()):
        text = damage(text, data)
    loaded, message = attempt(text)
    assert any(cpu_seconds(text) < 0.1 for _ in range(3))  # more than once: a garbage collection may fall into it
    if loaded:
        assert Genotype.loads(loaded.dumps()) == loaded
    else:
        assert message.startswith("file.json: $")
        assert message.isprintable()


def cpu_seconds(text: str) -> float:
    start = time.process_time()
    attempt(text)
    return time.process_time() - start


def attempt(text: str) -> tuple[Genotype | None, str]:
    """The genotype in a text, or why there is none."""
    try:
        return Genotype.loads(text, where="file.json"), ""
    except GenoccError as error:
        return None, str(error)


def mutate(document: Any, data: st.DataObject) -> None:
    """Replaces, removes, duplicates or adds something at a random place of a JSON document."""
    places = list(walk(document))
    if not places:
        return
    parent, key = data.draw(st.sampled_from(places))
    action = data.draw(st.sampled_from(["replace", "remove", "nudge", "add", "repeat"]))
    if action == "remove":
        del parent[key]
    elif action == "nudge" and isinstance(parent[key], int):
        parent[key] += data.draw(st.sampled_from([-3, -1, 1, 3, 1000]))
    elif action == "repeat" and isinstance(parent, list):
        parent.extend(parent[:] * data.draw(st.integers(1, 40)))
    elif action == "add" and isinstance(parent, dict):
        parent[data.draw(st.text(max_size=5))] = data.draw(json_values)
    else:
        parent[key] = data.draw(json_values)


def walk(value: Any) -> Any:
    """Yields (container, key) of everything in a JSON document."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from walk(value[key])


def damage(text: str, data: st.DataObject) -> str:
    """Cuts characters out of a text and puts others in."""
    position = data.draw(st.integers(0, len(text)))
    return text[:position] + data.draw(st.text(max_size=3)) + text[position + data.draw(st.integers(0, 5)) :]


ABSENT = object()


def changed(path: str, value: object) -> dict[str, Any]:
    """The small genotype with one place replaced (or removed)."""
    document = copy.deepcopy(SMALL)
    at: Any = document
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in parents:
        at = at[part]
    if value is ABSENT:
        del at[last]
    else:
        at[last] = value
    return document


def test_a_node_of_none_is_zero_and_has_no_edges() -> None:
    none = [{"op": "none", "from": 1}]
    cell = Cell.model_validate(
        {"nodes": [none, [{"op": "skip_connect", "from": 0}, {"op": "conv_1x1", "from": 2}], none], "concat": [3]}
    )
    assert cell.zeros == (2, 4)
    assert [(state, position, edge.op) for state, position, edge in cell.edges()] == [
        (3, 0, "skip_connect"),
        (3, 1, "conv_1x1"),
    ]
    assert cell.live == {0, 2, 3}
    assert cell.dead == (4,)


def test_edges_have_numbers_of_their_own_and_keep_them() -> None:
    first, second = {"op": "skip_connect", "from": 0, "number": 1}, {"op": "conv_1x1", "from": 1, "number": 4}
    cell = {"nodes": [[first], [{"op": "none", "from": 0}], [second]], "concat": [2, 3, 4]}
    genotype = Genotype.from_dict({"name": "n", "cells": {"normal": cell}})
    assert Genotype.loads(genotype.dumps()) == genotype
    assert '[{"op": "skip_connect", "from": 0, "number": 1}]' in genotype.dumps()
    second["number"] = 1
    with pytest.raises(GenotypeError, match=r"nodes\[2\]\[0\]\.number: 1 is the number of an edge before it"):
        Genotype.from_dict({"name": "n", "cells": {"normal": cell}})
