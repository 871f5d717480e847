"""Tables of results: four kinds of files and run folders become the same rows, and each way a table can be wrong."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import genocc
from genocc.errors import FileError, RunError, TableError
from genocc.results.table import MISSING, columns, read_table
from genocc.runs.folder import open_run

NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**6), 10**6)
ROWS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=8)


@settings(max_examples=30)
@given(rows=ROWS)
def test_every_kind_of_file_gives_the_same_columns(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, float]]
) -> None:
    folder = tmp_path_factory.mktemp("tables")
    plain = [{"x": x, "within": {"y": y}} for x, y in rows]
    text = StringIO(newline="")
    csv.writer(text).writerows([("x", "within.y"), *((repr(x), repr(y)) for x, y in rows)])
    contents = {
        "t.csv": text.getvalue(),
        "list.json": json.dumps(plain),
        "within.json": json.dumps({"settings": [1], "rows": plain}),
        "t.jsonl": "\n\n".join(map(json.dumps, plain)),
    }
    for name, content in contents.items():
        (folder / name).write_text(content, encoding="utf-8", newline="")
        found = columns(read_table([folder / name]), "x", "within.y", name)
        assert found == ([float(x) for x, _ in rows], [float(y) for _, y in rows], 0), name


@pytest.mark.parametrize("missing", [*MISSING, " NaN ", "None"])
def test_rows_that_lack_a_value_are_refused_or_left_out(missing: str) -> None:
    rows = [{"x": "1", "y": "2"}, {"x": missing, "y": "3"}, {"y": "4"}, {"x": "5", "y": "6"}]
    with pytest.raises(
        TableError, match=r"t.csv: row 2 has no 'x'; fill it in, or leave such rows out: --skip-missing"
    ):
        columns(rows, "x", "y", "t.csv")
    assert columns(rows, "x", "y", "t.csv", skip_missing=True) == ([1, 5], [2, 6], 2)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "x,z\n1,2\n", "no column 'y'; expected one of x, z"),
        ("t.csv", "x,y\n", "no rows in it"),
        ("t.csv", "", "no rows in it"),
        ("t.csv", "x,y\n1,2\n", "t.csv: 1 of its rows can be ranked; expected at least 2"),
        ("t.csv", "x,y\n1,2\n3\n", "line 3 has 1 cells; the header has 2"),
        ("t.csv", "x,y\n1,2\n3,4,5\n", "line 3 has 3 cells; the header has 2"),
        ("t.csv", 'x,y\n1,"2\n', "cannot be read as a table"),
        ("t.csv", "x,y\n1,2\n3,1_0\n", "row 2, column 'y': found '1_0'; expected a number"),
        ("t.csv", "x,y\n1,2\n3,94%\n", "row 2, column 'y': found '94%'; expected a number"),
        ("t.csv", "x,y\n1,2\n3,-inf\n", "expected a finite number"),
        ("t.json", '{"rows": [{"x": true, "y": 1}]}', "row 1, column 'x': found True; expected a number"),
        ("t.json", '{"a": [{"x": 1}], "b": [{"y": 1}]}', "2 lists of objects in it; expected one"),
        ("t.json", "[1, 2]", "expected a list of objects"),
        ("t.json", "[{", "not JSON"),
        ("t.json", "[" * 100_000, "cannot be read as a table"),
        ("t.json", f'[{{"x": {"9" * 400}, "y": 1}}]', "expected a number"),
        ("t.jsonl", '{"x": 1, "y": 2}\n[1]\n', "line 2 is not a JSON object"),
        ("t.jsonl", '{"x": 1, "y": 2}\n{"x"\n', "line 2: not JSON"),
        ("t.csv", "x,y,x\n1,2,3\n2,3,4\n", "column 'x' is there twice"),
        ("t.json", '[{"x": 1, "y": 2, "x": 5}, {"x": 2, "y": 3}]', "the name 'x' is there twice in one object"),
        (
            "t.jsonl",
            '{"x": 1, "y": 2}\n{"x": 2, "a": {"b": 1, "b": 2}}\n',
            "line 2: not JSON: the name 'b' is",
        ),
        ("t.txt", "x,y\n1,2\n", "expected a .csv, .json or .jsonl file, or run folders"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, name: str, content: str, message: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(TableError) as caught:
        columns(read_table([path]), "x", "y", str(path))
    assert message in str(caught.value)
    assert name in str(caught.value)


def test_a_text_in_json_lines_may_have_any_character(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"x": 1, "y": 2, "n": "a\u2028b\x85c"}\r\n\n{"x": 2, "y": 3}\n', encoding="utf-8")
    assert columns(read_table([path]), "x", "y", "t") == ([1, 2], [2, 3], 0)


def test_files_that_do_not_exist_or_go_together_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x,y\n1,2\n")
    with pytest.raises(FileError, match="no such file"):
        read_table([tmp_path / "none.csv"])
    with pytest.raises(TableError, match=r"t.csv: is not a run folder; expected one file, or run folders only"):
        read_table([tmp_path, tmp_path / "t.csv"])


def made_run(folder: Path, command: str, genotype: str, line: dict[str, Any]) -> Path:
    """A run folder as a search or a training leaves it."""
    with open_run(folder, command, {}) as opened:
        opened.begin()
        opened.append({"epoch": 1})
        opened.append({"epoch": 2, **line})
        opened.finish(genocc.load(genotype).dumps())
    return folder


def test_a_search_and_the_training_of_what_it_found_are_one_row(tmp_path: Path) -> None:
    folders = [
        made_run(tmp_path / "s1", "search", "zoo:darts-v1", {"validation_accuracy": 0.8}),
        made_run(tmp_path / "t2", "train", "zoo:darts-v2", {"test": {"top1": 0.9}}),
        made_run(tmp_path / "t1", "train", "zoo:darts-v1", {"test": {"top1": 0.7}}),
    ]
    first, second = ({"epoch": 2, "validation_accuracy": 0.8}, {"epoch": 2, "test": {"top1": 0.7}})
    assert read_table(folders) == [
        {"name": "darts-v1", "search": first, "train": second},
        {"name": "darts-v2", "train": {"epoch": 2, "test": {"top1": 0.9}}},
    ]
    with pytest.raises(TableError, match="t1: the train of a genotype that another folder has too"):
        read_table([*folders, folders[2]])


def test_runs_on_different_data_sets_are_named(tmp_path: Path) -> None:
    """Their accuracies say nothing about each other."""
    notes, images = list[str](), [{"name": "digits"}, {"name": "imagefolder", "folder": "/photos"}, None, 3]
    folders = [tmp_path / str(number) for number in range(len(images))]
    for folder, data, name in zip(folders, images, ("darts-v1", "darts-v2", "nasnet", "amoebanet"), strict=True):
        made_run(folder, "search", f"zoo:{name}", {"validation_accuracy": 0.5})
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "config": {"data": data}}))
    assert len(read_table(folders, notes.append)) == 4
    assert notes == ["runs of `genocc search` on different data sets, 'digits', '/photos', are ranked as if on one"]
    notes.clear()
    read_table([folders[0], *folders[2:]], notes.append)
    assert not notes


def test_trainings_that_differ_in_more_than_genotype_and_seed_are_named(tmp_path: Path) -> None:
    notes, folders = list[str](), [tmp_path / str(number) for number in range(3)]
    for seed, (folder, name, epochs) in enumerate(
        zip(folders, ("darts-v1", "darts-v2", "nasnet"), (600, 600, 2), strict=True)
    ):
        made_run(folder, "train", f"zoo:{name}", {"test": {"top1": 0.5}})
        config = {
            "seed": seed,
            "genotype": genocc.load(f"zoo:{name}").model_dump(mode="json", exclude_none=True),
            "schedule": {"epochs": epochs},
            "data": {"name": "digits", "folder": f"/{seed}"},
        }
        (folder / "config.json").write_text(json.dumps({"command": "train", "config": config}))
        (folder / "last.safetensors").touch()
    read_table(folders[:2], notes.append)
    assert not notes
    read_table(folders, notes.append)
    assert notes == [
        f"trainings with different settings are ranked as if with the same: of {folders[0]}, schedule.epochs "
        f"(--epochs) is 600, not 2 ({folders[2]})"
    ]


def test_the_searches_of_several_seeds_are_rows(tmp_path: Path) -> None:
    with open_run(tmp_path / "seeds", "search --seeds", {}) as opened:
        opened.begin()
    for number, name in enumerate(("zoo:darts-v1", "zoo:darts-v2")):
        made_run(tmp_path / "seeds" / f"seed-{number}", "search", name, {"validation_accuracy": number})
    found = read_table([tmp_path / "seeds"])
    assert [(row["name"], row["search"]["validation_accuracy"]) for row in found] == [("darts-v1", 0), ("darts-v2", 1)]


def test_a_folder_of_something_else_or_without_epochs_is_refused(tmp_path: Path) -> None:
    other = made_run(tmp_path / "other", "rank-topologies", "zoo:darts-v1", {})
    with pytest.raises(RunError, match="a run of `genocc rank-topologies`; expected one of `genocc search` or"):
        read_table([other])
    with open_run(tmp_path / "new", "search", {}) as opened:
        opened.begin()
    with pytest.raises(RunError, match="no epoch has ended yet; wait for it"):
        read_table([tmp_path / "new"])
    with pytest.raises(RunError, match="no run in it"):
        read_table([tmp_path])
