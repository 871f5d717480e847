"""GENOTYPE, from which every command and `genocc.open` start: a file, a run folder, the zoo or standard input."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from genocc import arguments, zoo
from genocc.errors import FileError, GenoccError, NetworkError, RunError, quoted
from genocc.files import explained
from genocc.genotype import Genotype
from genocc.network import NetworkConfig
from genocc.provenance import Provenance
from genocc.runs.own_files import check_genotype, own_weights
from genocc.runs.reading import (
    CONFIG,
    HISTORY,
    RUN_BEST,
    RUN_GENOTYPE,
    RUN_LAST,
    SEARCH,
    SEARCH_SEEDS,
    TRAIN,
    TRAIN_SEEDS,
    check_regular,
    read_command,
    read_epochs,
)


@dataclass(frozen=True)
class Source:
    """A genotype and, where it is that of a training run, the net that was trained.

    Everything is looked up when it is first asked for, and once.

    Attributes:
        where: A genotype file, a run folder, ``RUN@N`` for what a search would have derived after its N-th epoch, ``-``
            for standard input, ``zoo:NAME``; empty for a genotype at hand.
        at_hand: The genotype, if it need not be looked up.
    """

    where: str
    at_hand: Genotype | None = field(default=None, repr=False)

    @classmethod
    def of(cls, genotype: Genotype | Source) -> Source:
        """Returns a genotype at hand as a source; a source as it is; raises GenoccError for anything else."""
        if isinstance(genotype, Genotype):
            return cls("", genotype)
        if isinstance(genotype, Source):
            return genotype
        raise GenoccError(
            f"genotype: found {quoted(genotype)} ({type(genotype).__name__}); expected a Genotype, or what "
            "genocc.open or genocc.load returns of it"
        )

    @cached_property
    def genotype(self) -> Genotype:
        """The cells.

        Raises:
            FileError: The file or the zoo entry does not exist or cannot be read.
            GenotypeError: The content is not a valid genotype; the message has file and JSON path.
            RunError: The run has no such epoch, or is no search; it is several trainings; its genotype is another's.
        """
        if self.at_hand is not None:
            return self.at_hand
        if self.where.startswith("zoo:"):
            return zoo.load(self.where.removeprefix("zoo:"))
        path = Path(self.where)
        if (named := _epoch(self.where)) is not None:
            return _of_epoch(*named)
        with explained(path, "read"):
            if path.is_dir():
                check_regular(path)
                if (path / CONFIG).is_file() and read_command(path) == TRAIN_SEEDS:
                    raise RunError(f"{path}: several trainings; name one of them, such as {path / 'seed-0'}")
                if not (path / RUN_GENOTYPE).exists():
                    raise FileError(
                        f"{path}: a folder without {RUN_GENOTYPE}; expected a genotype file or a run folder"
                    )
                if (path / CONFIG).is_file():
                    found = Genotype.load(path / RUN_GENOTYPE)
                    check_genotype(path, found)
                    return found
                path /= RUN_GENOTYPE
        return Genotype.load(path)

    @cached_property
    def provenance(self) -> Provenance | None:
        """Provenance of the best weights of a training run: network, class names, mean and deviation; else None.

        Raises:
            RunError: There are no weights, or they are another training's.
            FileError: They cannot be read.
            TargetError: They do not say which net they belong to.
        """
        if self._run is None:
            return None
        return own_weights(self._run, f"name the genotype alone: {self._run / RUN_GENOTYPE}")[1]

    @cached_property
    def weights(self) -> Path | None:
        """The best weights of a training run; None for anything else. Raises RunError while it is not finished."""
        if self._run is None:
            return None
        if not (self._run / RUN_LAST).exists():
            raise RunError(
                f"{self._run}: a training that is not finished; go on with genocc train --out {self._run} --resume, or "
                f"take the best weights so far with --weights {self._run / RUN_BEST}"
            )
        return self._run / RUN_BEST

    def network(self, config: NetworkConfig | None = None, **fields: Any) -> NetworkConfig:
        """Returns the network around the cells: of a training run its own, else the one that is asked for.

        Args:
            config: What is asked for. Of a training run it may be repeated, and not contradicted.
            **fields: Instead of ``config``, those of its fields that are asked for; None counts as not given.

        Raises:
            NetworkError: A field is unknown, out of range, or another than that of the net that was trained.
        """
        if not (config is None or isinstance(config, NetworkConfig)):
            raise NetworkError(f"config: found {quoted(config)} ({type(config).__name__}); expected a NetworkConfig")
        if self.provenance is None:
            return config or NetworkConfig.make(**fields)
        trained = self.provenance.config
        fields = dict(config) if config else {name: value for name, value in fields.items() if value is not None}
        asked = config or NetworkConfig.make(**{"skeleton": trained.skeleton, **fields})
        for name in fields:
            found, has = getattr(asked, name), getattr(trained, name)
            if found != has:
                raise NetworkError(
                    f"{name}: found {_text(found)}; the net that was trained in {self.where} has {_text(has)}. "
                    f"Leave it out, or name the genotype alone: {Path(self.where) / RUN_GENOTYPE}"
                )
        return trained

    @cached_property
    def _run(self) -> Path | None:
        """The folder of a training run."""
        path = Path(self.where)
        with explained(path, "read"):
            is_run = self.where != "" and (path / CONFIG).is_file() and read_command(path) == TRAIN
        return path if is_run else None


def open(where: str | Path) -> Source:  # named as what it does; the built-in is not needed here
    """Returns what a GENOTYPE names, to count, compile or draw.

    Args:
        where: A genotype file, a run folder, ``RUN@N`` (epoch N of a search, from 1), ``-`` for standard input, or
            ``zoo:NAME`` (see `genocc zoo list`).

    Raises:
        GenoccError: It is neither a text nor a path.
    """
    return Source(str(arguments.path(where, "GENOTYPE", "a file, a run folder, '-' or zoo:NAME")))


def load(where: str | Path) -> Genotype:
    """Returns the genotype that a GENOTYPE names; see `open`, and `Source.genotype` for the errors."""
    return open(where).genotype


def _epoch(where: str) -> tuple[Path, int] | None:
    """The folder and the epoch of ``RUN@N``; None for anything else, such as a file of that name."""
    match = re.fullmatch(r"(.+)@([0-9]{1,9})", where, re.DOTALL)
    with explained(where, "read"):
        if match is None or Path(where).exists() or not Path(match[1]).is_dir():
            return None
    return Path(match[1]), int(match[2])


def _of_epoch(run: Path, epoch: int) -> Genotype:
    """What a search would have derived after an epoch."""
    command = read_command(run)
    if command == SEARCH_SEEDS:
        raise RunError(f"{run}@{epoch}: several searches; name one of them, such as {run / 'seed-0'}@{epoch}")
    if command != SEARCH:
        raise RunError(f"{run}@{epoch}: a run of `genocc {command}`; only a search has a genotype per epoch")
    history = read_epochs(run)
    if not 1 <= epoch <= len(history):
        has = f"1 to {len(history)}" if history else "none yet"
        raise RunError(f"{run}@{epoch}: no such epoch; the search has {has}")
    return Genotype.from_dict(history[epoch - 1].get("genotype", {}), where=f"{run / HISTORY}: line {epoch}: genotype")


def _text(value: object) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
