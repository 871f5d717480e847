"""The configuration of a search: the settings of all parts.

Those of the method, the preset and the command line (`--set`) are merged in that order and validated once; a
combination that has no meaning is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, SerializeAsAny, model_validator
from pydantic.fields import FieldInfo

from genocc.configuration import Configuration, Seed, assign, refuse
from genocc.errors import ConfigError, GenoccError
from genocc.network import SKELETONS

from .choosing import FORMER, combined, override_penalty, switched, translated
from .interface import CellSpace
from .method import COMMON_PENALTIES, Method, bring_method, get_method
from .parts import (
    AllCells,
    AllEdges,
    AlternatingSchedule,
    ArchitectureConfig,
    BudgetConfig,
    ChildConfig,
    Connection,
    DataConfig,
    Derivation,
    Penalty,
    Placement,
    Relaxation,
    Schedule,
    Softmax,
    SpaceConfig,
    SuperNetConfig,
    TopK,
    Topology,
    WeightedSum,
    WeightsConfig,
)
from .registry import OpenPart, named


class SearchConfig(Configuration):
    """Everything needed to repeat a search. Made with `SearchConfig.make`."""

    what: ClassVar[str] = "search configuration"
    chosen: ClassVar[tuple[str, ...]] = ("method", "preset")

    method: str
    preset: Literal["quick", "cifar", "imagenet", "nas-bench-201"] = "cifar"
    seed: Seed = 0
    space: SpaceConfig = SpaceConfig()
    topology: SerializeAsAny[Topology] = AllEdges()
    relaxation: SerializeAsAny[Relaxation] = Softmax()
    connection: SerializeAsAny[Connection] = WeightedSum()
    placement: SerializeAsAny[Placement] = AllCells()
    derivation: SerializeAsAny[Derivation] = TopK()
    schedule: SerializeAsAny[Schedule] = AlternatingSchedule()
    penalties: dict[str, SerializeAsAny[Penalty]] = Field(
        default_factory=lambda: {part.name: part for part in COMMON_PENALTIES}
    )
    supernet: SuperNetConfig = SuperNetConfig()
    data: DataConfig = DataConfig()
    weights: WeightsConfig = WeightsConfig()
    architecture: ArchitectureConfig = ArchitectureConfig()
    budget: BudgetConfig = BudgetConfig()
    child: ChildConfig = ChildConfig()

    @model_validator(mode="before")
    @classmethod
    def _completed(cls, data: Any) -> Any:
        """Former spellings become today's; a method's own parts become known, each penalty says its name."""
        if not isinstance(data, Mapping):
            return data
        with suppress(GenoccError):  # a run of a method that is not installed can be read, if its parts are ours
            get_method(data.get("method", ""))
        found = translated(data)
        asked = found.get("penalties", {})
        if isinstance(asked, Mapping):
            penalties = {part.name: {} for part in COMMON_PENALTIES} | {**asked}
            found["penalties"] = {
                name: {"name": name, **part} if isinstance(part, Mapping) else part for name, part in penalties.items()
            }
        return found

    @model_validator(mode="after")
    def _meaningful(self) -> Self:
        for name, penalty in self.penalties.items():
            if penalty.name != name:
                refuse(f"penalties.{name}: its name is '{penalty.name}'; expected the same as its key")
        for part in self.open_parts().values():
            part.check(self)
        return self

    def cell_spaces(self, kinds: Iterable[str]) -> dict[str, CellSpace]:
        """Returns the candidates of each kind of cell, sorted by kind."""
        inputs = SKELETONS[self.supernet.skeleton].inputs
        return {kind: self.topology.cell_space(self.space.operations, kind, inputs) for kind in sorted(kinds)}

    def open_parts(self) -> dict[str, OpenPart]:
        """Returns the parts that are choices among classes, by dotted path."""
        parts = {name: value for name, value in self if isinstance(value, OpenPart)}
        return parts | {f"penalties.{name}": penalty for name, penalty in self.penalties.items()}

    @classmethod
    def make(
        cls,
        method: str | type[Method] = "entrannas-dst",
        preset: str = "cifar",
        overrides: Iterable[str] = (),
        **fields: Any,
    ) -> SearchConfig:
        """Returns the configuration of a method in a preset.

        Args:
            method: A registered method (see `genocc methods`), or a `Method` that need not be registered, nor its
                parts.
            preset: ``quick`` (minutes on a CPU), ``cifar`` or ``imagenet`` (the papers' settings), or
                ``nas-bench-201`` (cells of that benchmark).
            overrides: Texts ``part.field=value`` as `--set` takes them, later ones winning.
            **fields: Parts as nested mappings, and ``seed``; they win over the method and lose to ``overrides``.

        Raises:
            ConfigError: A name is unknown, a value is out of range, or the combination has no meaning.
        """
        if isinstance(method, str):
            composition = get_method(method)
        else:
            bring_method(composition := method)
        data = {"method": composition.name, "preset": preset, **composition.defaults(preset)}
        return cls.from_dict(cls.changed(data, overrides, fields))

    @classmethod
    def changed(
        cls, data: Mapping[str, Any], overrides: Iterable[str] = (), fields: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Returns plain data, changed: first which classes the parts are, then their settings.

        A setting of a class that a later text replaces has gone with it.
        """
        at_first = found = combined(cls._kinds(), data, fields or {})
        texts = list(overrides)
        for text in filter(cls._chooses, texts):
            (part, _), name = cls.parse_override(text, found)
            found = switched(cls._kinds(), found, part, name)
        before = at_first
        for text in texts:
            if cls._chooses(text):
                (part, _), name = cls.parse_override(text, before)
                before = switched(cls._kinds(), before, part, name)
                continue
            try:
                path, value = cls.parse_override(text, found)
            except ConfigError:
                cls.parse_override(text, before)
                continue
            assign(found, path, value)
        return found

    @classmethod
    def parse_override(cls, text: str, data: Mapping[str, Any] | None = None) -> tuple[tuple[str, ...], Any]:
        path, _, value = text.partition("=")
        names = tuple(path.strip().split("."))
        if names in FORMER:
            return cls.parse_override(f"{'.'.join(FORMER[names])}={value}", data)
        if names[0] == "penalties":
            return override_penalty(text)
        return super().parse_override(text, data)

    @classmethod
    def fields_of(cls, part: str, data: Mapping[str, Any]) -> Mapping[str, FieldInfo]:
        """Returns the fields of a part: of the class that the data name, where it is a choice of one."""
        kind = cls._kinds().get(part)
        if kind is None:
            return super().fields_of(part, data)
        found = data.get(part, {})
        return named(kind, found.get("name", kind.usual) if isinstance(found, Mapping) else kind.usual).model_fields

    @classmethod
    def _kinds(cls) -> dict[str, type[OpenPart]]:
        found = {name: field.annotation for name, field in cls.model_fields.items()}
        return {name: kind for name, kind in found.items() if isinstance(kind, type) and issubclass(kind, OpenPart)}

    @classmethod
    def _chooses(cls, text: str) -> bool:
        names = tuple(text.partition("=")[0].strip().split("."))
        names = FORMER.get(names, names)
        return names[0] in cls._kinds() and names[1:] in ((), ("name",))


def as_today(own: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the plain data of a search's configuration as they are written today; raises ConfigError."""
    return SearchConfig.from_dict(own).model_dump(mode="json")
