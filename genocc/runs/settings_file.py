"""`--config`: the settings of a run from a file: the config.json of another run, or one that somebody wrote."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from genocc.configuration import merged
from genocc.errors import ConfigError, GenotypeError, quoted
from genocc.files import json_object, read_text
from genocc.runs.reading import CONFIG, MAX_CONFIG, MAX_SEEDS


def read_settings(
    path: str | Path, command: str, several: str | None = None, part: str = ""
) -> tuple[dict[str, Any], int | None]:
    """Returns the settings in a file, not validated, and of how many seeds, if it is of several runs.

    Args:
        path: JSON, or TOML where it ends in .toml: parts as nested tables (``schedule.epochs = 9``), or all that a
            run's config.json has. A run folder stands for that file of its.
        command: The command whose settings are wanted.
        several: Its name where it makes several runs.
        part: Where config.json of several runs has the settings of one.

    Raises:
        ConfigError: It is neither, or the run is of another command.
        FileError: It cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        path = path / CONFIG
    kind, parse = ("TOML", tomllib.loads) if path.suffix == ".toml" else ("JSON", _json)
    try:
        found: Any = parse(read_text(path, limit=MAX_CONFIG))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: is not {kind}: {error}") from None
    settings, seeds = _object(found, path), None
    if "command" in settings:  # what a run has written
        if settings["command"] not in filter(None, (command, several)):
            its = quoted(settings["command"])[1:-1]
            raise ConfigError(f"{path}: its settings are those of `genocc {its}`; expected those of `genocc {command}`")
        of_several = settings["command"] == several
        settings = _object(settings.get("config"), path)
        if of_several:
            seeds, settings = settings.get("seeds"), _object(settings.get(part), path)
            if type(seeds) is not int or not 1 <= seeds <= MAX_SEEDS:
                raise ConfigError(f"{path}: config.seeds: found {quoted(seeds)}; expected 1 to {MAX_SEEDS}")
    return settings, seeds


@contextmanager
def named(path: str | Path) -> Iterator[None]:
    """Names the file in errors about its settings."""
    try:
        yield
    except (ConfigError, GenotypeError) as error:
        raise type(error)(f"{path}: {error}") from None


def beside(settings: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of a file with those of the command line, which win; another data set has another folder."""
    data = settings.get("data")
    if isinstance(data, Mapping) and "name" in fields.get("data", {}):
        settings = {**settings, "data": {key: value for key, value in data.items() if key not in ("name", "folder")}}
    return merged(settings, fields)


def name_in(settings: dict[str, Any], name: str, asked: str | None, path: str | Path) -> str | None:
    """Takes the method or the preset out of the settings of a file, which the command line may repeat but not change.

    Raises:
        ConfigError: It is no text, or another than the command line's: its settings would be those of the file's.
    """
    found = settings.pop(name, None)
    if found is not None and not isinstance(found, str):
        raise ConfigError(f"{path}: {name}: found {quoted(found)}; expected a name")
    if asked is not None and found is not None and asked != found:
        raise ConfigError(
            f"--{name} {asked}: {path} has the settings of {quoted(found)}; leave --{name} out, or take out of "
            f"the file {name} and what belongs to it"
        )
    return asked or found


def _json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=json_object)


def _object(found: Any, path: Path) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise ConfigError(
            f'{path}: found {quoted(found)}; expected settings by part, such as {{"schedule": {{"epochs": 9}}}}'
        )
    return found
