"""The configuration of a search: the settings of all parts.

Those of the method, the preset and the command line (`--set`) are merged in that order and validated once; a
combination that has no meaning is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from genocc.configuration import Configuration, Seed, merged, refuse

from .method import Method, get_method
from .parts import (
    ArchitectureConfig,
    BudgetConfig,
    ChildConfig,
    ConnectionConfig,
    DataConfig,
    DerivationConfig,
    PlacementConfig,
    RelaxationConfig,
    ScheduleConfig,
    SpaceConfig,
    SuperNetConfig,
    TopologyConfig,
    WeightsConfig,
)


class SearchConfig(Configuration):
    """Everything needed to repeat a search. Made with `SearchConfig.make`."""

    what: ClassVar[str] = "search configuration"
    chosen: ClassVar[tuple[str, ...]] = ("method", "preset")

    method: str
    preset: Literal["quick", "cifar", "imagenet"] = "cifar"
    seed: Seed = 0
    space: SpaceConfig = SpaceConfig()
    topology: TopologyConfig = TopologyConfig()
    relaxation: RelaxationConfig = RelaxationConfig()
    connection: ConnectionConfig = ConnectionConfig()
    placement: PlacementConfig = PlacementConfig()
    derivation: DerivationConfig = DerivationConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    supernet: SuperNetConfig = SuperNetConfig()
    data: DataConfig = DataConfig()
    weights: WeightsConfig = WeightsConfig()
    architecture: ArchitectureConfig = ArchitectureConfig()
    budget: BudgetConfig = BudgetConfig()
    child: ChildConfig = ChildConfig()

    @model_validator(mode="after")
    def _meaningful(self) -> Self:
        searched = [name for name in self.space.operations if name != "none"]
        if self.relaxation.dst and len(searched) < len(self.space.operations):
            instead = f"space={self.space.name}-no-zero" if isinstance(self.space.name, str) else "a list without it"
            refuse(
                f"relaxation.dst=true with search space '{self.space.name}': an operation that is cut is the absence "
                f"of an edge already, so 'none' would mean it twice (EnTranNAS A.2); use {instead}"
            )
        if self.derivation.rule == "non-zero" and not self.relaxation.dst:
            refuse(
                "derivation.rule=non-zero without relaxation.dst=true: a softmax is never zero, so every operation of "
                "every edge would be derived; use derivation.rule=top-k or relaxation.dst=true"
            )
        for name, ratio in (("partial", self.connection.partial), ("bottleneck", self.connection.bottleneck or 1)):
            if self.supernet.channels % (ratio * (2 if "skip_connect" in searched else 1)):
                refuse(
                    f"connection.{name}={ratio} does not fit supernet.channels={self.supernet.channels}: the "
                    f"operations work on C/{ratio} channels, which a factorized reduce halves; choose a multiple of "
                    f"{2 * ratio}"
                )
        return self

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
            method: A registered method (see `genocc methods`), or a `Method` that need not be registered.
            preset: ``quick`` (minutes on a CPU), ``cifar`` or ``imagenet`` (the papers' settings).
            overrides: Texts ``part.field=value`` as `--set` takes them, later ones winning.
            **fields: Parts as nested mappings, and ``seed``; they win over the method and lose to ``overrides``.

        Raises:
            ConfigError: A name is unknown, a value is out of range, or the combination has no meaning.
        """
        composition = get_method(method) if isinstance(method, str) else method
        data = merged(composition.defaults(preset), fields)
        return cls.overridden({"method": composition.name, "preset": preset, **data}, overrides)
