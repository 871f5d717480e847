"""`genocc rank` as a user runs it: files of three kinds, run folders, output, and each way a table can be wrong."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import genocc
from genocc.cli import app
from genocc.runs.folder import open_run

ROWS = [("a", 0.91, 93.1), ("b", 0.89, 92.8), ("c", 0.93, 93.0), ("d", 0.93, 93.5)]
"""One pair disagrees (a and c), one is tied in x (c and d): tau-a is (4 - 1) / 6."""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["rank", *map(str, arguments)], catch_exceptions=False)


def error(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("genocc: error: ")
    return line


def write(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def csv_table(folder: Path) -> Path:
    return write(folder / "t.csv", "name,search,final\r\n" + "".join(f"{n},{x},{y}\r\n" for n, x, y in ROWS))


def json_table(folder: Path) -> Path:
    rows = [{"name": n, "search": x, "final": y} for n, x, y in ROWS]
    return write(folder / "t.json", json.dumps({"settings": {"epochs": [1]}, "rows": rows}))


def json_list(folder: Path) -> Path:
    return write(folder / "l.json", json.dumps([{"search": x, "final": y} for _, x, y in ROWS]))


def json_lines(folder: Path) -> Path:
    lines = (json.dumps({"search": x, "final": y}) for _, x, y in ROWS)
    return write(folder / "t.jsonl", "\n\n".join(lines) + "\n")


@pytest.mark.parametrize("make", [csv_table, json_table, json_list, json_lines])
def test_every_kind_of_table_gives_the_same(tmp_path: Path, make: object) -> None:
    assert callable(make)
    found = json.loads(run(make(tmp_path), "--x", "search", "--y", "final", "--json").stdout)
    counts = {name: found[name] for name in ("rows", "pairs", "concordant", "discordant", "ties_x", "ties_y")}
    assert counts == {"rows": 4, "pairs": 6, "concordant": 4, "discordant": 1, "ties_x": 1, "ties_y": 0}
    assert found["tau_a"] == pytest.approx(0.5)
    assert found["tau_b"] == pytest.approx(3 / 30**0.5)
    assert found["tau_c"] == pytest.approx(2 * 3 * 3 / (16 * 2))
    assert found["skipped"] == 0
    assert 0 < found["p_value"] < 1


def test_the_table_is_for_people(tmp_path: Path) -> None:
    text = run(csv_table(tmp_path), "--x", "search", "--y", "final").stdout
    assert "search and final: 4 rows" in text
    for row in ("tau-a", "tau-b", "tau-c", "p-value of tau-b", "tied in search"):
        assert row in text


def test_standard_input_and_columns_within_objects() -> None:
    lines = "\n".join(json.dumps({"epoch": n, "test": {"top1": n / 10}}) for n in range(4))
    arguments = ["rank", "-", "--x", "epoch", "--y", "test.top1", "--json"]
    found = json.loads(CliRunner().invoke(app, arguments, input=lines.encode()).stdout)
    assert found["tau_b"] == pytest.approx(1)


def test_a_constant_column_has_no_order(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "x,y\n1,1\n1,2\n1,3\n")
    found = json.loads(run(path, "--x", "x", "--y", "y", "--json").stdout)
    assert (found["tau_a"], found["tau_b"], found["tau_c"], found["p_value"]) == (0, None, None, None)
    assert "x is the same in all rows" in run(path, "--x", "x", "--y", "y").stdout
    assert "x is the same in all rows" in run(path, "--x", "y", "--y", "x").stdout


def test_rows_that_lack_a_value_are_refused_or_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "x,y\n1,2\n2,nan\n,4\n5,6\n")
    assert "row 2 has no 'y'" in error(path, "--x", "x", "--y", "y")
    found = json.loads(run(path, "--x", "x", "--y", "y", "--skip-missing", "--json").stdout)
    assert (found["rows"], found["skipped"], found["tau_b"]) == (2, 2, pytest.approx(1))
    assert "2 rows, 2 rows left out" in run(path, "--x", "x", "--y", "y", "--skip-missing").stdout


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "x,z\n1,2\n", "no column 'y'; expected one of x, z"),
        ("t.json", "[" * 100_000, "cannot be read as a table"),
        ("t.txt", "x,y\n1,2\n", "expected a .csv, .json or .jsonl file, or run folders"),
    ],
)
def test_a_table_that_is_none_is_one_line(tmp_path: Path, name: str, content: str, message: str) -> None:
    line = error(write(tmp_path / name, content), "--x", "x", "--y", "y")
    assert message in line
    assert name in line


def test_files_that_do_not_exist_or_go_together_are_refused(tmp_path: Path) -> None:
    assert "no such file" in error(tmp_path / "none.csv", "--x", "x", "--y", "y")
    table = csv_table(tmp_path)
    assert "expected one file, or run folders only" in error(table, table, "--x", "x", "--y", "y")
    assert "no run in it" in error(tmp_path, "--x", "x", "--y", "y")


def made_run(folder: Path, command: str, genotype: str, line: dict[str, object]) -> Path:
    """A run folder as a search or a training leaves it."""
    with open_run(folder, command, {}) as opened:
        opened.begin()
        opened.append({"epoch": 1, "seconds": 1.0})
        opened.append(line)
        opened.finish(genocc.load(genotype).dumps())
    if command == "train":
        (folder / "last.safetensors").touch()
    return folder


def test_searches_and_the_trainings_of_what_they_found_become_rows(tmp_path: Path) -> None:
    searched = {"zoo:darts-v1": 0.8, "zoo:darts-v2": 0.85, "zoo:pc-darts-cifar": 0.9}
    folders = []
    for number, (name, accuracy) in enumerate(searched.items()):
        line = {"epoch": 2, "validation_accuracy": accuracy}
        folders.append(made_run(tmp_path / f"search-{number}", "search", name, line))
        trained = {"epoch": 2, "test": {"top1": accuracy + 0.1, "top5": None}}
        folders.append(made_run(tmp_path / f"train-{number}", "train", name, trained))
    measures = ("--x", "search.validation_accuracy", "--y", "train.test.top1")
    found = json.loads(run(*folders, *measures, "--json").stdout)
    assert (found["rows"], found["tau_b"]) == (3, pytest.approx(1))
    (folders[1] / "last.safetensors").unlink()
    shown = run(*folders, *measures)
    assert shown.stderr == f"{folders[1]}: the training is not finished; its epoch 2 counts\n"
    assert shown.exit_code == 0
    (folders[1] / "last.safetensors").touch()
    assert "row 3 has no 'train.test.top1'" in error(*folders[:-1], *measures)
    assert "a genotype that another folder has too" in error(*folders, folders[0], *measures)
    other = made_run(tmp_path / "other", "rank-topologies", "zoo:darts-v1", {})
    assert "a run of `genocc rank-topologies`" in error(other, *measures)


def test_the_searches_of_several_seeds_are_rows(tmp_path: Path) -> None:
    with open_run(tmp_path / "seeds", "search --seeds", {}) as opened:
        opened.begin()
    for number, name in enumerate(("zoo:darts-v1", "zoo:darts-v2")):
        line = {"epoch": 2, "validation_accuracy": number, "child_accuracy": -number}
        made_run(tmp_path / "seeds" / f"seed-{number}", "search", name, line)
    measures = ("--x", "search.validation_accuracy", "--y", "search.child_accuracy")
    assert json.loads(run(tmp_path / "seeds", *measures, "--json").stdout)["tau_b"] == pytest.approx(-1)
