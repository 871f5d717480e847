"""What a run knows of its data, and how it says what has changed in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from genocc.errors import RunError
from genocc.runs.folder import RunFolder
from genocc.runs.known_data import KnownData
from genocc.runs.reading import CONFIG

DATA: dict[str, Any] = {
    "name": "imagefolder",
    "classes": ["cat", "dog", "emu"],
    "train": [8, 8, 4],
    "test": [2, 2, 1],
    "digests": ["a1", "b2", "c3"],
}


def written(folder: Path, data: object) -> Path:
    (folder / CONFIG).write_text(json.dumps({"command": "train", "config": {}, "known_data": data}))
    return folder


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({}, ""),
        ({"classes": ["cat", "dog", "owl"]}, "class 'emu' is gone and class 'owl' is new"),
        ({"classes": ["ant", "cat", "dog"]}, "class 'emu' is gone and class 'ant' is new"),
        (
            {"classes": ["cat"], "train": [8], "test": [2], "digests": ["a1"]},
            "classes 'dog', 'emu' are gone",
        ),
        ({"classes": ["dog", "cat", "emu"]}, "the classes are in another order"),
        (
            {"train": [8, 7, 4]},
            "class 'dog' has 9 images (7 to train on, 2 to test on), and had 10 (8 and 2)",
        ),
        (
            {"train": [8, 9, 4], "test": [2, 2, 2]},
            "class 'dog' has 11 images (9 to train on, 2 to test on), and had 10 (8 and 2); 1 more classes have other "
            "numbers too",
        ),
        ({"digests": ["a1", "b9", "c9"]}, "the files of classes 'dog', 'emu' have other names or sizes"),
        ({"digests": []}, "its files are others"),
        ({"name": "stripes"}, "data set 'stripes', not 'imagefolder'"),
    ],
)
def test_what_differs_is_named(tmp_path: Path, changed: dict[str, Any], difference: str) -> None:
    known = KnownData.read(written(tmp_path, DATA))
    assert known.difference({**DATA, **changed}) == difference


def test_a_run_keeps_the_note_that_an_older_version_has_written(tmp_path: Path) -> None:
    written(tmp_path, DATA)
    run = RunFolder(tmp_path, {})
    run.note_data({**DATA, "samples": ["1", "2", "3"]})
    assert run.content["known_data"] == DATA


@pytest.mark.parametrize(
    "data",
    [None, 3, [], {}, {**DATA, "train": [8, 8]}, {**DATA, "test": [2, 2, -1]}, {**DATA, "classes": [1, 2, 3]},
     {**DATA, "digests": ["a1"]}, {**DATA, "samples": ["a1"]}, {**DATA, "train": [8.5, 8, 4]}, {**DATA, "more": 1}],
)  # fmt: skip
def test_a_note_of_another_form_is_refused(tmp_path: Path, data: object) -> None:
    with pytest.raises(RunError, match=r"config.json: does not say what data the run began with"):
        KnownData.read(written(tmp_path, data))
