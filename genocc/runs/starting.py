"""The beginning of a run: from the fields of a request to a configuration, new or a run's own, and to its folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from genocc.configuration import Configuration
from genocc.errors import ConfigError
from genocc.runs.folder import refuse_difference
from genocc.runs.reading import CONFIG

RUNS = Path("runs")
"""Where runs go whose folder is not given."""

T = TypeVar("T")
C = TypeVar("C", bound=Configuration)


def new_or_resumed(
    out: str | Path | None, *, resume: bool, settings: bool, new: Callable[[], T], own: Callable[[Path], T], kind: str
) -> T:
    """Returns the configuration of a run: its own where it is resumed, else a new one.

    A run that was killed before it had written anything has no configuration; with settings, it begins anew.

    Args:
        out: The run folder, if it is given.
        resume: Whether to go on with the run in ``out``.
        settings: Whether the request has any setting.
        new: Returns the configuration that the request describes.
        own: Returns the configuration of the run in a folder, with the request's settings (`with_settings`).
        kind: What messages call the run.

    Raises:
        ConfigError: ``resume`` without ``out``.
    """
    if resume and out is None:
        raise ConfigError(f"--resume needs --out: the folder of the {kind} that is to go on")
    if not resume or out is None:
        return new()
    begun = (Path(out) / CONFIG).exists()
    return own(Path(out)) if begun or not settings else new()


def with_settings(own: C, overrides: Iterable[str], fields: Mapping[str, Any], folder: Path) -> C:
    """Returns a run's own configuration with the settings of a request to resume it.

    Only the place of its data may be another, which `genocc.runs.folder.open_run` sees to.

    Args:
        own: The run's configuration.
        overrides: Texts ``part.field=value``.
        fields: Parts as nested mappings, and fields of their own.
        folder: The run folder, for messages.

    Raises:
        ConfigError: A setting does not exist.
        RunError: A setting has no meaning together with the run's others, so is another than the run's.
    """
    plain = own.model_dump(mode="json")
    asked = own.changed(plain, overrides, fields)
    try:
        return own.from_dict(asked)
    except ConfigError:
        refuse_difference(folder, plain, asked)
        raise


def run_path(out: str | Path | None, name: str) -> Path:
    """Returns the run folder: ``out``, or a folder below ``runs`` that does not exist yet.

    Args:
        out: The folder, if it is given.
        name: Of the new folder, with a number behind it if it is taken.
    """
    if out is not None:
        return Path(out)
    names = (RUNS / (name if number == 1 else f"{name}-{number}") for number in count(1))
    return next(path for path in names if not path.exists())


def given(**fields: Any) -> dict[str, Any]:
    """Returns the fields that are given: neither None nor an empty mapping."""
    return {name: value for name, value in fields.items() if value is not None and value != {}}
