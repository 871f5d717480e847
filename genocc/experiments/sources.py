"""Where an experiment is read from: one that comes with genocc, a file, or the folder in which it was begun."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from genocc.errors import ConfigError, RunError, did_you_mean
from genocc.experiments.model import MAX_BYTES, Experiment
from genocc.experiments.plan import Plan, plan
from genocc.files import read_text
from genocc.runs.folder import refuse_difference
from genocc.runs.reading import read_config

PREFIXES = ("paper", "genocc")
"""Of experiments that come with genocc: the papers' tables, and our own."""
EXPERIMENT = "experiment"
"""The command, in config.json."""
EXPERIMENT_FILE = "experiment.toml"
"""The file in the folder of an experiment."""


@dataclass(frozen=True)
class Source:
    """An experiment, and what it was read from.

    Attributes:
        where: For messages: ``paper:pc-darts-table-3``, a file, a folder.
        text: The file's.
        experiment: What it describes.
        folder: The experiment's own folder, if it was read from there.
    """

    where: str
    text: str
    experiment: Experiment
    folder: Path | None = None

    def plan(self, scale: str, out: Path, data: str | None = None) -> Plan:
        """Returns the jobs; arguments and errors as those of `genocc.experiments.plan.plan`."""
        try:
            return plan(self.experiment, scale, out, data)
        except ConfigError as error:
            raise ConfigError(f"{self.where}: {error}") from None


def shipped() -> list[str]:
    """Returns the names of the experiments that come with genocc: ``paper:ec-darts-table-4``."""
    root = resources.files("genocc.experiments.shipped")
    return [
        f"{prefix}:{file.name.removesuffix('.toml')}"
        for prefix in PREFIXES
        for file in sorted(root.joinpath(prefix).iterdir(), key=lambda one: one.name)
        if file.name.endswith(".toml")
    ]


def read_source(name: str) -> Source:
    """Returns an experiment.

    Args:
        name: ``paper:NAME`` or ``genocc:NAME`` for one of `shipped`, a TOML file, or the folder of an experiment.

    Raises:
        ConfigError: There is none of that name, or the file does not describe one.
        FileError: The file cannot be read.
        RunError: The folder is none of an experiment.
    """
    prefix, colon, rest = name.partition(":")
    if colon and prefix in PREFIXES:
        if name not in shipped():
            raise ConfigError(f"{name}: {did_you_mean(name, shipped())}")
        file = resources.files("genocc.experiments.shipped").joinpath(prefix, f"{rest}.toml")
        text, folder = file.read_text(encoding="utf-8"), None
    elif Path(name).is_dir():
        read_config(name, EXPERIMENT)
        folder = Path(name)
        text = read_text(folder / EXPERIMENT_FILE, limit=MAX_BYTES)
    else:
        text, folder = read_text(name, limit=MAX_BYTES), None
    return Source(name, text, Experiment.parse(text, name if folder is None else str(folder / EXPERIMENT_FILE)), folder)


def own_plan(folder: Path, source: Source | None = None, data: str | None = None) -> Plan:
    """Returns the jobs of the experiment that was begun in a folder.

    Args:
        folder: The experiment's.
        source: Another place of its file, whose columns may be others; None: the folder's copy.
        data: Another place of the images.

    Raises:
        RunError: The file now describes other jobs than those that were begun; the message names the difference.
    """
    source = source or read_source(str(folder))
    config = read_config(folder, EXPERIMENT)
    scale, images = config.get("scale"), config.get("data")
    if not isinstance(scale, str) or not isinstance(images, dict):
        raise RunError(f"{folder}: config.scale or config.data is missing; was it changed?")
    if scale not in source.experiment.scales:
        raise RunError(f"{folder}: was begun at scale {scale}, which {source.where} lacks; choose another --out")
    found = source.plan(scale, folder, data or images.get("folder"))
    refuse_difference(folder, config, found.settings())
    return found
