"""Every registered part says what it is; and where classes are looked up."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest

from genocc.errors import ConfigError, GenoccError
from genocc.searchers import registry
from genocc.searchers.config import SearchConfig
from genocc.searchers.method import PRESETS, Method
from genocc.searchers.parts import Softmax, TopK
from genocc.searchers.parts.relaxation import Relaxation
from genocc.searchers.registry import OpenPart, about, bring, choices, named, names
from genocc.searchers.settings import OPEN_KINDS, part_descriptions

REGISTERED = [(part, name) for part, kind in OPEN_KINDS.items() for name in names(kind)]


def test_there_are_seven_kinds() -> None:
    assert {kind.group for kind in OPEN_KINDS.values()} == {
        f"genocc.{name}"
        for name in ("topologies", "relaxations", "connections", "placements", "derivations", "schedules", "penalties")
    }
    assert {("relaxation", "cen"), ("penalties", "macs"), ("schedule", "alternating")} <= set(REGISTERED)


@pytest.mark.parametrize(("part", "name"), REGISTERED)
def test_every_part_has_its_name_a_docstring_and_described_settings(part: str, name: str) -> None:
    choice = named(OPEN_KINDS[part], name)
    assert choice.model_fields["name"].default == name
    assert choice.__doc__
    assert about(choice) != about(OPEN_KINDS[part]), "a docstring of its own"
    described = part_descriptions(choice)
    for field in choice.model_fields:
        assert field == "name" or described.get(field), f"{field} has no line in its docstring"
    assert next(iter(choice.model_fields)) == "name"


@pytest.mark.parametrize(("part", "name"), REGISTERED)
def test_the_settings_of_every_part_survive_json(part: str, name: str) -> None:
    kind = OPEN_KINDS[part]
    made = named(kind, name).model_validate({})
    assert type(kind.model_validate(json.loads(made.model_dump_json()))) is type(made)
    assert kind.model_validate(json.loads(made.model_dump_json())) == made
    assert json.loads(made.model_dump_json())["name"] == name
    for preset, settings in made.presets.items():
        assert preset in PRESETS
        assert type(made).model_validate(settings)


class Colder(Softmax):
    """A softmax of another name."""

    name: Literal["colder"] = "colder"  # type: ignore[assignment]
    temperature: float = 0.5


class ColderDarts(Method):
    """DARTS with it."""

    name = "colder-darts"
    paper = "none"
    relaxation = Colder()


def test_a_method_given_in_process_brings_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_BROUGHT", {})
    with pytest.raises(ConfigError, match=r"unknown relaxation 'colder'; expected one of cen, .*softmax"):
        SearchConfig.make("darts", overrides=["relaxation=colder"])
    config = SearchConfig.make(ColderDarts, "cifar")
    assert config.relaxation == Colder()
    assert SearchConfig.from_dict(json.loads(config.model_dump_json())) == config
    assert SearchConfig.make("darts", overrides=["relaxation=colder"]).relaxation == Colder(temperature=1.0)
    assert "colder" in choices(Relaxation)


def test_a_name_that_is_taken_is_refused() -> None:
    class Other(Softmax):
        """Another softmax."""

    with pytest.raises(ConfigError, match=r"the name is taken by genocc\.searchers\.parts\.relaxation\.Softmax"):
        bring(Other)
    bring(Softmax)


class Unfinished(Relaxation):
    """A relaxation without what makes one."""

    name: Literal["mine"] = "mine"


class Demanding(Softmax):
    """A relaxation with a setting that has no default."""

    name: Literal["mine"] = "mine"  # type: ignore[assignment]
    strength: int


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (TopK, "expected a class derived from genocc.searchers.parts.relaxation.Relaxation"),
        (Softmax, "its field 'name' is 'softmax'; expected 'mine'"),
        (Unfinished, "cannot be made with its defaults: Can't instantiate abstract class Unfinished .*build"),
        (Demanding, "cannot be made with its defaults: 1 validation error for Demanding strength Field required"),
    ],
)
def test_what_does_not_fit_its_registration_is_refused(
    found: type[OpenPart], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def names_of(group: str) -> tuple[str, ...]:
        return ("mine",)

    def load(group: str, name: str, expected: type) -> Any:
        return found

    monkeypatch.setattr("genocc.plugins.names", names_of)
    monkeypatch.setattr("genocc.plugins.load", load)
    with pytest.raises(GenoccError, match=message):
        named(Relaxation, "mine")
