"""Configurations of runs: made of parts, overridden by `--set`, refused with the reason.

`--set part.field=value` addresses a field by its dotted path; a part's own name stands for its first field
(`--set relaxation=cen`, `--set placement=half`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, NoReturn, Self, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from genocc.errors import ConfigError, did_you_mean, expectation, quoted
from genocc.files import json_object, shortened

LARGEST = 1e36
"""The largest number in a configuration, or in the files of a run."""

OPTIONS = {
    "method": "--method",
    "preset": "--preset",
    "seed": "--seed",
    "seeds": "--seeds",
    "data.name": "--data",
    "schedule.epochs": "--epochs",
    "data.size": "--input-size",
    "data.validation": "--validation",
    "budget.max_macs": "--max-macs",
    "budget.max_params": "--max-params",
    "penalties.macs.factor": "--penalty-macs",
    "budget.max_latency": "--max-latency",
    "budget.latency": "--latency",
    "penalties.latency.factor": "--penalty-latency",
    "network.skeleton": "--skeleton",
    "network.channels": "--channels",
    "network.layers": "--layers",
    "network.stem_stride": "--stem-stride",
    "network.auxiliary": "--auxiliary",
    "output.tensorboard": "--tensorboard",
    "sample": "--sample",
    "top": "--top",
    "validation": "--validation",
}
"""Settings that have a command-line option of their own, which messages name too."""


def _count(value: float) -> float:
    if value > 1 and not value.is_integer():
        raise PydanticCustomError("count", "expected a share up to 1, or a whole number of images")
    return value


Rate = Annotated[float, Field(ge=0, lt=float("inf"))]
Epochs = Annotated[int, Field(gt=0, le=10_000)]
MAX_SEED = 2**63 - 1
"""The largest seed."""
Seed = Annotated[int, Field(ge=0, lt=MAX_SEED + 1)]
ImageCount = Annotated[float, Field(gt=0), AfterValidator(_count)]
"""A share of the images up to 1, or their number."""


class Part(BaseModel):
    """Base of the parts: frozen, without unknown fields, with finite numbers up to ``LARGEST``, not true or false."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth(cls, value: object, info: ValidationInfo) -> object:
        """Refuses truth values where numbers are wanted, which pydantic takes for 1 and 0."""
        types = _types(cls.model_fields[str(info.field_name)].annotation)
        items = list(value.values()) if isinstance(value, dict) and dict in map(get_origin, types) else value
        if not {bool, Any} & types and any(isinstance(one, bool) for one in _leaves(items)):
            raise PydanticCustomError("truth", "expected a number or a text, not true or false")
        return value

    @field_validator("*")
    @classmethod
    def _within_limits(cls, value: object) -> object:
        numbers = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else (value,)
        for number in numbers:
            if isinstance(number, (int, float)) and abs(number) > LARGEST:
                refuse(f"found {quoted(number)}; expected a number up to {LARGEST:g}")
        return value


def _leaves(value: object) -> Iterator[object]:
    """A value or, of a list, what is in it."""
    if isinstance(value, (list, tuple)):
        for one in value:
            yield from _leaves(one)
    else:
        yield value


def _types(annotation: object) -> set[object]:
    """The types that an annotation is made of."""
    return {annotation}.union(*map(_types, get_args(annotation)))


class Configuration(Part):
    """Everything needed to repeat a run; its fields are parts, or values of their own.

    Attributes:
        what: Name of the configuration in messages.
        chosen: Fields with an argument of their own, which `--set` does not take.
    """

    what: ClassVar[str]
    chosen: ClassVar[tuple[str, ...]]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str | None = None) -> Self:
        """Returns the configuration in plain data, such as a run's config.json (``where``); raises ConfigError."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise ConfigError(_explain(error, where or cls.what)) from None

    @classmethod
    def overridden(cls, data: Mapping[str, Any], overrides: Iterable[str]) -> Self:
        """Returns the configuration in plain data, changed by texts as `--set` takes them, later ones winning.

        Raises:
            ConfigError: A name is unknown, a value is out of range, or the combination has no meaning.
        """
        return cls.from_dict(cls.changed(data, overrides))

    @classmethod
    def changed(
        cls, data: Mapping[str, Any], overrides: Iterable[str] = (), fields: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Returns plain data, changed by nested mappings and then by texts as `--set` takes them; not validated."""
        found = merged(data, fields or {})
        for text in overrides:
            assign(found, *cls.parse_override(text, found))
        return found

    @classmethod
    def fields_of(cls, part: str, data: Mapping[str, Any]) -> Mapping[str, FieldInfo]:
        """Returns the fields of a part, none for a value of its own; they may depend on the data."""
        model = cls.model_fields[part].annotation
        return model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}

    @classmethod
    def parse_override(cls, text: str, data: Mapping[str, Any] | None = None) -> tuple[tuple[str, ...], Any]:
        """Returns the path and the value that ``part.field=value`` means.

        The value is JSON where it reads as such (``0.1``, ``true``, ``[[0,1],[0,1],[1,2],[0,1]]``), ``none`` is null,
        anything else is text.

        Args:
            text: As `--set` takes it.
            data: The configuration that it changes, which may decide what settings there are.

        Raises:
            ConfigError: There is no such part or field; the message offers the closest.
        """
        path, equals, value = text.partition("=")
        names = path.strip().split(".")
        if not equals or not value.strip():
            raise ConfigError(f"--set {shortened(text)}: expected part.field=value, such as data.cutout=16")
        part = known_name(names[0], [name for name in cls.model_fields if name not in cls.chosen], text)
        fields = cls.fields_of(part, data or {})
        if fields and len(names) == 1:
            names.append(next(iter(fields)))
        depth = 2 if fields else 1
        if fields:
            known_name(names[1], fields, text, f"{part}.")
            depth += fields[names[1]].default_factory is dict  # relaxation.attention.sep_conv_3x3
        if len(names) > depth:
            whole = ".".join(names[:depth])
            raise ConfigError(f"--set {shortened(text)}: {whole} has no fields; expected {whole}=value")
        return tuple(names), override_value(value)


def assign(data: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Sets a value in nested mappings, in place."""
    *parents, last = path
    for name in parents:
        data = data.setdefault(name, {})
    data[last] = value


def merged(data: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Returns nested mappings merged key by key, the second winning; neither is part of the result."""
    result = {key: merged(value, {}) if isinstance(value, Mapping) else value for key, value in data.items()}
    for key, value in other.items():
        if isinstance(value, Mapping):
            old = result.get(key)
            result[key] = merged(old if isinstance(old, Mapping) else {}, value)
        else:
            result[key] = value
    return result


def known_name(name: str, choices: Iterable[str], text: str, prefix: str = "") -> str:
    """Returns a name that is among the choices; raises ConfigError about ``text``, which offers the closest."""
    choices = list(choices)
    if name in choices:
        return name
    raise ConfigError(
        f"--set {shortened(text)}: there is no '{prefix}{name[:60]}'; {did_you_mean(name, choices, prefix)}"
    )


def override_value(text: str) -> Any:
    """Returns the value that a text of `--set` means; raises ConfigError where it is nested too deeply."""
    text = text.strip()
    if text.lower() in ("none", "true", "false"):
        return {"none": None, "true": True, "false": False}[text.lower()]
    try:
        return json.loads(text, object_pairs_hook=json_object)
    except ValueError:
        return text
    except RecursionError:
        raise ConfigError(f"--set: found {quoted(text)}, nested too deeply; expected a value") from None


def _explain(error: ValidationError, where: str) -> str:
    first = error.errors(include_url=False)[0]
    if first["type"] == "combination":
        return str(first["msg"])
    path = ".".join(quoted(part).strip("'") for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{where}: unknown field {path}; remove it"
    option = f" ({OPTIONS[path]})" if path in OPTIONS else ""
    return f"{where}: {path}{option}: found {quoted(first['input'])}; {expectation(first['msg'])}"


def refuse(message: str) -> NoReturn:
    """Ends a validation with a message of its own: a combination of settings that has no meaning."""
    raise PydanticCustomError("combination", "{message}", {"message": message})


def check_seeds(first: int, number: int, most: int) -> None:
    """Refuses a number of runs with the seeds ``first``, ``first + 1``, ... that cannot be; raises ConfigError."""
    if not 1 <= number <= most:
        raise ConfigError(f"--seeds {number}: expected 1 to {most}")
    if first + number - 1 > MAX_SEED:
        raise ConfigError(
            f"--seeds {number} from --seed {first}: the last seed may be {MAX_SEED}; choose a smaller --seed"
        )
