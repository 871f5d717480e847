"""What an experiment's file says: searches, trainings, columns, the paper's figures, and settings per scale.

The file is TOML, checked as a whole; an error names the file and the place in it. docs/experiments.md explains it.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, NoReturn, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from genocc.configuration import Configuration, Epochs, ImageCount, Part, Seed, refuse
from genocc.errors import ConfigError, did_you_mean, quoted
from genocc.experiments.units import UNITS
from genocc.experiments.values import VALUES
from genocc.runs.reading import MAX_SEEDS

MAX_BYTES = 1 << 20
MAX_RUNS = 100_000
"""The most searches and trainings of one experiment."""


def _flat(value: Any) -> Any:
    """Nested tables as dotted settings: TOML reads ``schedule.epochs = 3`` as a table within a table."""
    if not isinstance(value, Mapping):
        return value
    found: dict[str, Any] = {}
    for name, setting in _settings(value):
        if name in found:  # "schedule.epochs", quoted, and schedule.epochs
            _wrong(f"expected {quoted(name)} once")
        found[name] = setting
    return found


def _settings(table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, inner in table.items():
        if isinstance(inner, Mapping) and inner:
            yield from ((f"{name}.{rest}", setting) for rest, setting in _settings(inner))
        else:
            try:
                json.dumps(inner)
            except TypeError:  # the dates of TOML
                _wrong(f"expected {quoted(name)} as a text, a number, true or false, or a list, not as a date")
            yield name, inner


def _wrong(message: str) -> NoReturn:
    raise PydanticCustomError("settings", "{message}", {"message": message})


def _without(options: Mapping[str, str]) -> AfterValidator:
    """Refuses settings that have a field of their own, over which they would win, also over that of a later layer."""

    def check(settings: dict[str, Any]) -> dict[str, Any]:
        for name, field in options.items():
            if name in settings:
                _wrong(f"expected {field}, beside set, instead of {name} within it")
        return settings

    return AfterValidator(check)


def _one_of(choices: Mapping[str, object]) -> AfterValidator:
    """Refuses a name that is not among the choices, and offers the closest."""

    def check(name: str) -> str:
        if name not in choices:
            raise PydanticCustomError("name", "{message}", {"message": did_you_mean(name, filter(None, choices))})
        return name

    return AfterValidator(check)


def _seeds(value: object) -> object:
    """A number of seeds stands for those from 0 on."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_SEEDS:
        return list(range(value))
    if not isinstance(value, (list, tuple)):
        raise PydanticCustomError("seeds", f"expected 1 to {MAX_SEEDS}, or a list of seeds")
    return value


def _distinct(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) < len(seeds):
        raise PydanticCustomError("seeds", "expected distinct seeds")
    return seeds


Value = Annotated[str, _one_of(VALUES)]
"""A number of a search or of a training: a name of ``VALUES``."""
Settings = Annotated[dict[str, Any], BeforeValidator(_flat)]
"""Dotted name -> value, as ``--set`` takes them."""
_OF_RUNS = {
    "seed": "seeds", "schedule.epochs": "epochs", "data": "data", "data.name": "data", "data.folder": "data"
}  # fmt: skip
"""Setting -> field of the file that stands for it."""
SearchSettings = Annotated[Settings, _without(_OF_RUNS)]
TrainSettings = Annotated[Settings, _without({**_OF_RUNS, "schedule": "epochs", "data.validation": "validation"})]
Seeds = Annotated[
    tuple[Seed, ...], BeforeValidator(_seeds), Field(min_length=1, max_length=MAX_SEEDS), AfterValidator(_distinct)
]
Name = Annotated[str, Field(min_length=1, max_length=80)]
PaperFigure = float | tuple[float, float]
"""Mean, or mean and deviation, in the unit of its column."""


class _Table(Part):
    """Base of the tables of the file."""

    model_config = ConfigDict(populate_by_name=True)


class SearchRuns(_Table):
    """How to search: options of `genocc search`.

    Attributes:
        method: As ``--method``.
        preset: As ``--preset``.
        data: As ``--data``.
        epochs: As ``--epochs``.
        settings: As ``--set``; ``set`` in the file.
    """

    method: str | None = None
    preset: str | None = None
    data: str | None = None
    epochs: Epochs | None = None
    settings: SearchSettings = Field(default={}, alias="set")


class TrainRuns(_Table):
    """How to train what was found: options of `genocc train`.

    Attributes:
        preset: As ``--preset``.
        data: As ``--data``.
        epochs: As ``--epochs``.
        validation: As ``--validation``.
        at: Instead of the search's result, the cells of so many of its epochs are trained, chosen at random by the seed
            (EC-DARTS, Figure 1).
        settings: As ``--set``; ``set`` in the file.
    """

    preset: str | None = None
    data: str | None = None
    epochs: Epochs | None = None
    validation: ImageCount | None = None
    at: int | None = Field(default=None, ge=2, le=1000)
    settings: TrainSettings = Field(default={}, alias="set")


class Scale(_Table):
    """What is different at a scale, for the whole experiment or for a row.

    Attributes:
        seeds: Which, or how many.
        search: Wins over the searches' own settings.
        train: The same for trainings.
    """

    seeds: Seeds | None = None
    search: SearchRuns = SearchRuns()
    train: TrainRuns | None = None


class Row(_Table):
    """A row of the table: searches with several seeds, or a given genotype.

    Attributes:
        name: What stands in the table's first column.
        genotype: What is trained instead of the result of a search, such as ``zoo:darts-v2``.
        seeds: Which, or how many.
        search: Wins over the experiment's searches, at any scale.
        train: The same for trainings.
        paper: Column -> what the paper has there.
        scale: Wins over all else at a scale.
    """

    name: Name
    genotype: str | None = None
    seeds: Seeds | None = None
    search: SearchRuns = SearchRuns()
    train: TrainRuns | None = None
    paper: dict[str, PaperFigure] = Field(default={})
    scale: dict[str, Scale] = Field(default={})

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.genotype is not None and self.search != SearchRuns():
            refuse(f"row '{self.name}': a genotype and a search; expected one of them")
        if self.genotype is not None and any(scale.search != SearchRuns() for scale in self.scale.values()):
            refuse(f"row '{self.name}': a genotype, and a search at a scale; expected one of them")
        return self


class Column(_Table):
    """A column of the table: a number of each seed, or Kendall's tau of two, over the seeds of a row.

    Attributes:
        name: Its key in ``paper`` and in JSON.
        title: Its heading; the name where not given.
        value: The number.
        minus: What is subtracted from it.
        kendall: Two numbers whose order is compared, over the seeds or, with ``train.at``, over the epochs of each.
        unit: How numbers are written: a key of ``UNITS``.
        over: What is shown of the seeds: the ``mean`` with its deviation, or ``min``, ``max`` or ``sum``.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")
    title: str | None = None
    value: Value | None = None
    minus: Value | None = None
    kendall: tuple[Value, Value] | None = None
    unit: Annotated[str, _one_of(UNITS)] = ""
    over: Literal["mean", "min", "max", "sum"] = "mean"

    @property
    def heading(self) -> str:
        """The heading, with the unit."""
        title, label = self.title or self.name.replace("_", " "), UNITS[self.unit].label
        return f"{title} ({label})" if label else title

    @model_validator(mode="after")
    def _meaningful(self) -> Self:
        if (self.value is None) == (self.kendall is None):
            refuse(f"column '{self.name}': expected one of value and kendall")
        if self.minus and self.kendall:
            refuse(f"column '{self.name}': minus with kendall; expected it with value")
        if self.unit == "error" and self.value is None:
            refuse(f"column '{self.name}': unit 'error' of Kendall's tau; expected it of an accuracy")
        if self.unit == "error" and self.minus:
            refuse(
                f"column '{self.name}': unit 'error' of a difference; expected '%' (the errors differ by its opposite)"
            )
        return self


class Figure(_Table):
    """A scatter plot: a point per search and training, a colour per row, Kendall's tau of each row.

    Attributes:
        x: Name of a column with a value.
        y: Name of another.
        title: Above the plot.
    """

    x: str
    y: str
    title: str | None = None


class Experiment(Configuration):
    """A table of searches and trainings.

    Attributes:
        title: What is compared.
        source: The paper's table.
        claim: What the paper says that it shows.
        notes: Readings, and what is done otherwise.
        heading: Of the table's first column.
        seeds: Of every row that has none of its own.
        search: How to search.
        train: How to train; None where nothing is trained.
        columns: Of the table; ``column`` in the file.
        rows: Of the table; ``row`` in the file.
        scales: Name -> what is different there; ``scale`` in the file.
        figure: The paper's figure, if it has one.
    """

    model_config = ConfigDict(populate_by_name=True)
    what: ClassVar[str] = "experiment"
    chosen: ClassVar[tuple[str, ...]] = ()

    title: str
    source: str = ""
    claim: str = ""
    notes: tuple[str, ...] = ()
    heading: str = ""
    seeds: Seeds = (0,)
    search: SearchRuns = SearchRuns()
    train: TrainRuns | None = None
    columns: tuple[Column, ...] = Field(alias="column", min_length=1, max_length=50)
    rows: tuple[Row, ...] = Field(alias="row", min_length=1, max_length=1000)
    scales: dict[Name, Scale] = Field(alias="scale", min_length=1)
    figure: Figure | None = None

    @classmethod
    def parse(cls, text: str, where: str) -> Self:
        """Returns the experiment that a file describes.

        Args:
            text: TOML.
            where: The file, for messages.

        Raises:
            ConfigError: It is no TOML, or does not describe an experiment; the message names file and place.
        """
        try:
            data = tomllib.loads(text)
            return cls.from_dict(data, where)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{where}: not TOML: {error}") from None
        except RecursionError:
            raise ConfigError(f"{where}: tables within tables, nested too deeply; expected settings") from None
        except ConfigError as error:
            raise ConfigError(_placed(str(error), data, where)) from None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _unique("row", [row.name for row in self.rows])
        _unique("column", columns := [column.name for column in self.columns])
        for place, scale in self._scales():
            if scale not in self.scales:
                refuse(f"{place}.scale: found {quoted(scale)}; {did_you_mean(scale, self.scales)}")
        for row in self.rows:
            for name in row.paper:
                if name not in columns:
                    refuse(f"row '{row.name}': paper: found {quoted(name)}; {did_you_mean(name, columns)}")
        if self.figure:
            drawn = [column.name for column in self.columns if column.value]
            for axis in (self.figure.x, self.figure.y):
                if axis not in drawn:
                    refuse(f"figure: found {quoted(axis)}; {did_you_mean(axis, drawn)}")
        return self

    def _scales(self) -> Iterator[tuple[str, str]]:
        for row in self.rows:
            for name in row.scale:
                yield f"row '{row.name}'", name


def _unique(what: str, names: list[str]) -> None:
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        refuse(f"{what} '{twice[0]}' is there twice; give each a name of its own")


def _placed(message: str, data: Mapping[str, Any], where: str) -> str:
    """A message whose rows and columns are called by their names, and which begins with the file."""

    def named(found: re.Match[str]) -> str:
        table = data.get(found[1])
        entry = table[int(found[2])] if isinstance(table, list) else None
        name = entry.get("name") if isinstance(entry, Mapping) else None
        return f"{found[1]} {quoted(name)}" if isinstance(name, str) else f"{found[1]} {int(found[2]) + 1}"

    without_options = re.sub(r" \(--[a-z-]+\)", "", message)
    text = re.sub(r"\b(row|column)\.([0-9]+)\b", named, without_options)
    return text if text.startswith(where) else f"{where}: {text}"
