"""Results to rank: a table in a CSV, JSON or JSON Lines file, or the run folders of searches and trainings.

Of run folders, there is one row per genotype: values of the last epoch of a search have names that begin with
``search.``, of a training with ``train.``, so that a search and the training of its genotype are one row.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from genocc.errors import RunError, TableError, quoted
from genocc.files import json_object, read_text
from genocc.runs.folder import difference
from genocc.runs.reading import (
    RUN_LAST,
    SEARCH,
    SEARCH_SEEDS,
    TRAIN,
    TRAIN_SEEDS,
    read_command,
    read_config,
    read_epochs,
)
from genocc.source import load

MAX_BYTES = 1 << 26
MISSING = ("", "-", "na", "n/a", "nan", "none", "null")
"""Contents of a cell without a value, in lower case."""

Row = Mapping[str, Any]


def read_table(paths: Sequence[str | Path], note: Callable[[str], None] = lambda message: None) -> list[Row]:
    """Returns the rows of a file, or of several run folders.

    Args:
        paths: One .csv, .json or .jsonl file (``-``: JSON Lines from standard input), or any number of run folders.
        note: Told of trainings that have not ended, whose last epoch counts, of different data sets, and of trainings
            that differ in more than genotype and seed.

    Raises:
        FileError: The file cannot be read.
        TableError: The file holds no table.
        RunError: A folder holds no search or training.
    """
    if all(Path(path).is_dir() for path in paths):
        return _runs([Path(path) for path in paths], note)
    if len(paths) > 1:
        odd = next(path for path in paths if not Path(path).is_dir())
        raise TableError(f"{odd}: is not a run folder; expected one file, or run folders only")
    (path,) = paths
    text = read_text(path, limit=MAX_BYTES)
    readers = {".csv": _csv, ".json": _json, ".jsonl": _json_lines, "": _json_lines}
    suffix = "" if str(path) == "-" else Path(path).suffix.lower()
    if suffix not in readers or (suffix == "" and str(path) != "-"):
        raise TableError(f"{path}: expected a .csv, .json or .jsonl file, or run folders")
    try:
        rows = readers[suffix](text, str(path))
    except (csv.Error, RecursionError) as error:
        raise TableError(f"{path}: cannot be read as a table: {error}") from None
    if not rows:
        raise TableError(f"{path}: no rows in it")
    return rows


def columns(
    rows: Sequence[Row], x: str, y: str, where: str, *, skip_missing: bool = False
) -> tuple[list[float], list[float], int]:
    """Returns two columns as numbers, and the number of rows that were left out.

    Args:
        rows: Of `read_table`.
        x: Name of a column; dots lead into objects within a cell.
        y: Name of another.
        where: The table, for messages.
        skip_missing: Whether to leave out rows that lack one of the two values, instead of refusing them.

    Raises:
        TableError: A column does not exist, a cell holds no finite number, or there are fewer than two rows.
    """
    flat = [_flat(row) for row in rows]
    names = list(dict.fromkeys(name for row in flat for name in row))
    for name in (x, y):
        if name not in names:
            raise TableError(f"{where}: no column '{name}'; expected one of {', '.join(names)}")
    found: list[tuple[float, float]] = []
    for number, row in enumerate(flat, start=1):
        values = [_number(row.get(name), name, number, where) for name in (x, y)]
        if None not in values:
            found.append((values[0], values[1]))  # type: ignore[arg-type]
        elif not skip_missing:
            name = (x, y)[values.index(None)]
            raise TableError(
                f"{where}: row {number} has no '{name}'; fill it in, or leave such rows out: --skip-missing"
            )
    if len(found) < 2:
        raise TableError(f"{where}: {len(found)} of its rows can be ranked; expected at least 2")
    return [a for a, _ in found], [b for _, b in found], len(rows) - len(found)


def _number(cell: Any, name: str, row: int, where: str) -> float | None:
    """The number in a cell; None where a value is missing."""
    if cell is None or (isinstance(cell, str) and cell.strip().lower() in MISSING):
        return None
    try:
        if isinstance(cell, bool) or (isinstance(cell, str) and "_" in cell):  # 1_000 is Python's, not a table's
            raise ValueError
        value = float(cell)
    except (TypeError, ValueError, OverflowError):
        raise TableError(f"{where}: row {row}, column '{name}': found {quoted(cell)}; expected a number") from None
    if math.isnan(value):
        return None
    if math.isinf(value):
        raise TableError(f"{where}: row {row}, column '{name}': found {quoted(cell)}; expected a finite number")
    return value


def _csv(text: str, where: str) -> list[Row]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    header = reader.fieldnames or ()
    if twice := [name for name in header if list(header).count(name) > 1]:
        raise TableError(f"{where}: column '{twice[0]}' is there twice; give each a name of its own")
    for row in reader:
        if None in row or None in row.values():
            cells = len([name for name in row if name]) + len(row.get(None) or ())
            found = cells if None in row else sum(value is not None for value in row.values())
            raise TableError(
                f"{where}: line {reader.line_num} has {found} cells; the header has {len(reader.fieldnames or ())}"
            )
        rows.append(row)
    return rows


def _json(text: str, where: str) -> list[Row]:
    data = _parsed(text, where)
    if isinstance(data, dict):
        lists = [value for value in data.values() if _is_table(value)]
        if len(lists) != 1:
            raise TableError(f"{where}: {len(lists)} lists of objects in it; expected one, as the rows")
        (data,) = lists
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise TableError(f"{where}: expected a list of objects, one a row, or an object with one such list")
    return data


def _json_lines(text: str, where: str) -> list[Row]:
    rows: list[Row] = []
    for number, line in enumerate(text.split("\n"), start=1):  # other ends of lines may stand in a JSON text
        if line.strip():
            row = _parsed(line, f"{where}: line {number}")
            if not isinstance(row, dict):
                raise TableError(f"{where}: line {number} is not a JSON object; expected one a line")
            rows.append(row)
    return rows


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=json_object)
    except ValueError as error:
        raise TableError(f"{where}: not JSON: {error}") from None


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _flat(row: Row, prefix: str = "") -> dict[str, Any]:
    """Objects within a row as columns with dots in their names."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found


def _runs(folders: Sequence[Path], note: Callable[[str], None]) -> list[Row]:
    rows: dict[str, dict[str, Any]] = {}
    data: dict[str, dict[str, None]] = {SEARCH: {}, TRAIN: {}}
    trainings: dict[Path, dict[str, Any]] = {}
    for folder in _single(folders):
        command = read_command(folder)
        if command not in (SEARCH, TRAIN):
            raise RunError(f"{folder}: a run of `genocc {command}`; expected one of `genocc search` or `genocc train`")
        history = read_epochs(folder)
        if not history:
            raise RunError(f"{folder}: no epoch has ended yet; wait for it")
        genotype = load(folder)
        row = rows.setdefault(genotype.hash, {"name": genotype.name})
        if command in row:
            raise TableError(f"{folder}: the {command} of a genotype that another folder has too; give one of them")
        row[command] = history[-1]
        config = read_config(folder, command)
        images = config.get("data")
        if isinstance(images, Mapping) and "name" in images:
            data[command][quoted(images.get("folder") if images["name"] == "imagefolder" else images["name"])] = None
        if command == TRAIN and not (folder / RUN_LAST).exists():
            note(f"{folder}: the training is not finished; its epoch {len(history)} counts")
        if command == TRAIN:
            trainings[folder] = {**config, "genotype": None, "seed": None, "data": _without_place(images)}
    for command, names in data.items():
        if len(names) > 1:
            note(f"runs of `genocc {command}` on different data sets, {', '.join(names)}, are ranked as if on one")
    first = next(iter(trainings), None)
    for other, config in trainings.items():
        if first is not None and (differs := difference(trainings[first], config)):
            note(f"trainings with different settings are ranked as if with the same: of {first}, {differs} ({other})")
            break
    return list(rows.values())


def _without_place(images: object) -> object:
    """Settings of images without the data set and where it lies, of which there is a note of its own."""
    left_out = ("name", "folder", "download")
    return {k: v for k, v in images.items() if k not in left_out} if isinstance(images, Mapping) else None


def _single(folders: Sequence[Path]) -> list[Path]:
    """The folders, with the folder of several seeds replaced by the folders of its searches."""
    found: list[Path] = []
    for folder in folders:
        several = read_command(folder) in (SEARCH_SEEDS, TRAIN_SEEDS)
        found += sorted(path for path in folder.glob("seed-*") if path.is_dir()) if several else [folder]
    return found
