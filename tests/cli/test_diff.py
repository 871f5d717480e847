"""``genocc diff``: what it prints and draws."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from genocc import Cell, Edge, Genotype
from genocc.cli import app
from tests.test_differences import A, B, one


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["diff", *arguments], catch_exceptions=False)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    one(A, "left").save(paths[0])
    one(B, "right").save(paths[1])
    return list(map(str, paths))


def test_command_prints_what_differs(files: list[str]) -> None:
    result = run(*files)
    assert result.exit_code == 1
    assert result.output == (
        "A: left\nB: right\nnormal cell: 1 edges only in A, 2 only in B, 2 in both\n"
        "  node 3\n    - conv_1x1 from 2\n    + conv_3x3 from 2\n"
        "  node 2\n    + sep_conv_3x3 from 0\n  concat\n    - 2\n"
    )


def test_command_names_renumbered_nodes_and_missing_cells(tmp_path: Path) -> None:
    first = Cell(nodes=((Edge(op="conv_1x1", source=0),), (Edge(op="conv_3x3", source=1),)), concat=(2, 3))
    second = Cell(
        nodes=((Edge(op="conv_3x3", source=1),), (Edge(op="conv_1x1", source=0), Edge(op="skip_connect", source=2))),
        concat=(2, 3),
    )
    one(first).save(tmp_path / "a.json")
    Genotype(name="b", cells={"normal": second, "reduction": first}).save(tmp_path / "b.json")
    output = run(str(tmp_path / "a.json"), str(tmp_path / "b.json")).output
    assert "  node 2→3\n    + skip_connect from 3→2\n" in output
    assert "reduction cell: only in B\n  node 2 (only in B)\n    + conv_1x1 from 0\n" in output


def test_command_says_where_a_node_is_zero_in_one_of_them(tmp_path: Path) -> None:
    conv, none = (Edge(op="conv_1x1", source=0),), (Edge(op="none", source=0),)
    one(Cell(nodes=(conv, conv), concat=(2, 3))).save(tmp_path / "a.json")
    one(Cell(nodes=(conv, none), concat=(2, 3))).save(tmp_path / "b.json")
    result = run(str(tmp_path / "a.json"), str(tmp_path / "b.json"))
    assert result.output.endswith("  node 3\n    - conv_1x1 from 0\n    + zero\n")
    assert run(str(tmp_path / "b.json"), str(tmp_path / "b.json")).output == "same\n"


def test_command_says_same(tmp_path: Path, darts_v2: Genotype) -> None:
    darts_v2.model_copy(update={"name": "renamed"}).save(tmp_path / "same.json")
    result = run("zoo:darts-v2", str(tmp_path / "same.json"))
    assert (result.exit_code, result.output) == (0, "same\n")


def test_command_prints_json(files: list[str]) -> None:
    result = run(*files, "--json")
    assert result.exit_code == 1
    data = json.loads(result.output)
    assert data["a"] == {"name": "left", "hash": one(A).hash}
    cell = data["cells"]["normal"]
    assert cell["only_in_a"] == [{"from": 2, "to": 3, "op": "conv_1x1"}]
    assert cell["concat_only_in_a"] == [2]
    assert cell["minimal"]
    assert not data["same"]
    assert json.loads(run(files[0], files[0], "--json").output)["same"]


def test_command_draws_the_union(files: list[str], tmp_path: Path) -> None:
    picture = tmp_path / "union.dot"
    assert run(*files, "-o", str(picture)).exit_code == 1
    text = picture.read_text()
    assert text.count('label="− conv_1x1"') == text.count('label="+ conv_3x3"') == 1
    assert run("zoo:darts-v2", "zoo:darts-v2", "-o", str(picture)).exit_code == 0
    assert "the same in both" in picture.read_text()


def test_bad_suffix_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    result = run("missing.json", "missing.json", "-o", str(tmp_path / "union.jpg"))
    assert result.exit_code == 2
    assert "union.jpg: cannot tell the format" in result.stderr
