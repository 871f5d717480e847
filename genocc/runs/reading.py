"""Reads run folders, for whatever looks at runs; `genocc.runs` says what is in one, `genocc.runs.folder` writes it."""

from __future__ import annotations

import json
import math
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from genocc.configuration import LARGEST
from genocc.errors import RunError
from genocc.files import explained, read_text

CONFIG, HISTORY, LOG, CHECKPOINTS, LOCK = "config.json", "history.jsonl", "log.txt", "checkpoint", ".lock"
KNOWN_DATA = "known_data"
"""Key of config.json: the data that the run began with (`genocc.runs.known_data`)."""
SAMPLES = "samples"
"""Key there, which notes of older versions do not have."""
KNOWN_FILES = "known_files"
"""Key of config.json: setting -> digest of the file that it names."""
RUN_GENOTYPE = "genotype.json"
"""The file of a run folder that holds the genotype; a search without it is not finished."""
RUN_BEST, RUN_LAST = "best.safetensors", "last.safetensors"
"""The weights of a training; one without the last is not finished."""
RUN_TEST = "test.json"
"""Of a training with held-out images: the accuracy of the best weights on the test images."""
RUN_RANKING = "ranking.json"
"""The result of a ranking of topologies."""
RUN_PARTS = "parts"
"""The folder of the parts of a ranking, each a run folder."""
RUN_EVENTS = "tensorboard"
"""The folder of a run's TensorBoard events."""
RUN_TRACKING = "tracking"
"""The folder of what experiment trackers have of a run, and of what they write (`genocc.runs.tracking`)."""
RUN_SEEDS = "seeds.json"
"""Mean and deviation of several trainings; a folder of several without it is not finished."""
RUN_FILES = frozenset((CONFIG, HISTORY, LOG, LOCK, RUN_GENOTYPE, RUN_BEST, RUN_LAST, RUN_TEST, RUN_RANKING, RUN_SEEDS))
"""Every file of a run, of whichever command."""
RUN_FOLDERS = frozenset((CHECKPOINTS, RUN_EVENTS, RUN_TRACKING, RUN_PARTS))
"""Every folder of a run."""
MAX_SEEDS = 1000
"""The most searches or trainings that a folder of several holds."""
MAX_CONFIG, MAX_HISTORY = 1 << 24, 1 << 28
SEARCH, SEARCH_SEEDS, TRAIN, TRAIN_SEEDS = "search", "search --seeds", "train", "train --seeds"
"""Names in config.json of a search, of several searches that differ in their seed (each in a `seed_folder`), of a
training, and of several."""


def read_command(path: str | Path) -> str:
    """Returns the command whose run a folder holds; raises RunError where it holds none."""
    return str(_read(path)["command"])


def read_config(path: str | Path, command: str) -> dict[str, Any]:
    """Returns the configuration of a command's run; raises RunError where the folder holds none, or another's."""
    data = _read(path)
    if data["command"] != command:
        raise RunError(f"{path}: a run of `genocc {data['command']}`; expected one of `genocc {command}`")
    config: dict[str, Any] = data["config"]
    return config


def read_known_data(path: str | Path) -> Any:
    """Returns what the run in a folder has noted of its data, None where nothing; raises RunError."""
    return _read(path).get(KNOWN_DATA)


def read_known_files(path: str | Path) -> dict[str, Any] | None:
    """Returns what the run in a folder has noted of the files of its settings, None where nothing; raises RunError."""
    found = _read(path).get(KNOWN_FILES)
    return found if isinstance(found, dict) else None


def read_history(path: str | Path) -> list[dict[str, Any]]:
    """Returns the lines of the history of a run, finished or not; a line that is still being written does not count.

    Raises:
        RunError: A line is not a JSON object.
    """
    history = []
    for number, line in enumerate(history_lines(path), start=1):
        where = f"{Path(path) / HISTORY}: line {number}"
        try:
            epoch = _parsed(line)
        except (ValueError, RecursionError) as error:
            raise RunError(f"{where} is not JSON: {error}") from None
        if not isinstance(epoch, dict):
            raise RunError(f"{where} is not an epoch; expected a JSON object")
        history.append(epoch)
    return history


def read_epochs(path: str | Path) -> list[dict[str, Any]]:
    """Returns the epochs of a search or a training, finished or not, as `read_history` does.

    Raises:
        RunError: A line is not a JSON object, or not the epoch of its place.
    """
    history = read_history(path)
    for number, line in enumerate(history, start=1):
        if line.get("epoch") != number:
            found = json.dumps(line.get("epoch"))[:20]
            raise RunError(f"{Path(path) / HISTORY}: line {number}: epoch is {found}; expected {number}")
    return history


def history_lines(path: str | Path) -> list[str]:
    """Returns the complete lines of the history; none before the first epoch has ended."""
    where = Path(path) / HISTORY
    with explained(where, "read"):
        exists = where.exists()
    return read_text(where, limit=MAX_HISTORY).split("\n")[:-1] if exists else []


def best_weights(path: str | Path, instead: str) -> Path:
    """Returns the file of a training's best weights; raises RunError where it is not there, advising ``instead``."""
    where = Path(path) / RUN_BEST
    if where.exists():
        return where
    if history_lines(path):
        raise RunError(f"{where}: is missing, though epochs have ended; put it back, or {instead}")
    raise RunError(f"{path}: a training without weights yet; wait for its first epoch to end, or {instead}")


def seed_folder(path: str | Path, seed: int) -> Path:
    """Returns the run folder of one of several searches or trainings."""
    return Path(path) / f"seed-{seed}"


def _parsed(text: str) -> Any:
    """JSON whose numbers can be computed with; raises ValueError."""
    return json.loads(text, parse_float=_number, parse_int=_number, parse_constant=_number)


def _number(text: str) -> float:
    value = float(text)
    if abs(value) > LARGEST:
        raise ValueError(f"the number {text[:20]} is beyond {LARGEST:g}")
    return value if "." in text or "e" in text.lower() or math.isnan(value) else int(text)


def check_regular(path: str | Path) -> None:
    """Refuses a run folder with a pipe, a socket or a device in it, which might never be read to its end.

    Raises:
        RunError: There is one; the message names it.
    """
    for folder in (Path(path), Path(path) / CHECKPOINTS, Path(path) / RUN_TRACKING):
        with suppress(OSError), os.scandir(folder) as entries:  # reading it comes next, and explains itself
            for entry in entries:
                if entry.is_file() or entry.is_dir() or not Path(entry).exists():
                    continue
                raise RunError(f"{entry.path}: is a pipe, a socket or a device; a run folder holds files only")


def _read(path: str | Path) -> dict[str, Any]:
    where = Path(path) / CONFIG
    check_regular(path)
    with explained(where, "read"):
        exists = where.exists()
    if not exists:
        raise RunError(f"{path}: no run in it ({CONFIG} is missing); check the path")
    try:
        data = _parsed(read_text(where, limit=MAX_CONFIG))
    except (ValueError, RecursionError) as error:
        raise RunError(f"{where}: not JSON: {error}") from None
    if not (isinstance(data, dict) and isinstance(data.get("command"), str) and isinstance(data.get("config"), dict)):
        raise RunError(f"{where}: not the configuration of a run: an object with 'command' and 'config'")
    return data
