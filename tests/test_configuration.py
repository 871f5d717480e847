"""Configurations: overrides by dotted path, merging, and refusals that name the setting, the value and the option."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from genocc.configuration import (
    Configuration,
    Epochs,
    ImageCount,
    Part,
    Rate,
    Seed,
    assign,
    check_seeds,
    merged,
    refuse,
)
from genocc.errors import ConfigError


class Oven(Part):
    heat: Rate = 0.5
    fan: bool | None = None
    spices: dict[str, float] = Field(default_factory=dict)
    tray: tuple[tuple[int, int], ...] = ()

    def model_post_init(self, _: Any) -> None:
        if self.heat == 0.25:
            refuse("oven.heat=0.25 is neither warm nor cold")


class Schedule(Part):
    epochs: Epochs = 3


class Cake(Configuration):
    what: ClassVar[str] = "cake"
    chosen: ClassVar[tuple[str, ...]] = ("name",)

    name: str = "plain"
    seed: Seed = 0
    images: ImageCount = 1.0
    oven: Oven = Oven()
    schedule: Schedule = Schedule()


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("oven=1", ("oven", "heat"), 1),
        ("oven.fan=none", ("oven", "fan"), None),
        ("oven.fan=True", ("oven", "fan"), True),
        ("oven.spices.salt=0.5", ("oven", "spices", "salt"), 0.5),
        ("oven.spices={}", ("oven", "spices"), {}),
        ("oven.tray=[[0,1],[1,2]]", ("oven", "tray"), [[0, 1], [1, 2]]),
        ("oven.fan=maybe", ("oven", "fan"), "maybe"),
        (" seed = 7 ", ("seed",), 7),
        ("oven.fan=a=b", ("oven", "fan"), "a=b"),
    ],
)
def test_an_override_is_a_path_and_a_value(text: str, path: tuple[str, ...], value: object) -> None:
    assert Cake.parse_override(text) == (path, value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("oven", "--set oven: expected part.field=value, such as data.cutout=16"),
        ("oven.heat= ", "--set oven.heat= : expected part.field=value, such as data.cutout=16"),
        ("ovn=1", "--set ovn=1: there is no 'ovn'; did you mean 'oven'?"),
        ("oven.hat=1", "--set oven.hat=1: there is no 'oven.hat'; did you mean 'oven.heat'?"),
        ("x=1", "--set x=1: there is no 'x'; expected one of seed, images, oven, schedule"),
        ("name=a", "--set name=a: there is no 'name'; expected one of seed, images, oven, schedule"),
        ("oven.heat.more=1", "--set oven.heat.more=1: oven.heat has no fields; expected oven.heat=value"),
        ("seed.x=1", "--set seed.x=1: seed has no fields; expected seed=value"),
        (
            "oven.spices.salt.fine=1",
            "--set oven.spices.salt.fine=1: oven.spices.salt has no fields; expected oven.spices.salt=value",
        ),
    ],
)
def test_an_override_of_nothing_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Cake.parse_override(text)
    assert str(caught.value) == message


def test_later_overrides_win_and_what_they_change_stays_as_it_is() -> None:
    base: dict[str, Any] = {"oven": {"heat": 0.1, "spices": {"salt": 1.0}}}
    found = Cake.overridden(base, ["oven.spices.salt=2", "oven.spices.salt=3", "oven.spices.pepper=1", "seed=4"])
    assert (found.oven.heat, found.oven.spices, found.seed) == (0.1, {"salt": 3.0, "pepper": 1.0}, 4)
    assert base == {"oven": {"heat": 0.1, "spices": {"salt": 1.0}}}
    assert Cake.from_dict(found.model_dump(mode="json")) == found


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"oven": {"heat": -1}}, "cake: oven.heat: found -1; expected a number greater than or equal to 0"),
        ({"schedule": {"epochs": 0}}, "cake: schedule.epochs (--epochs): found 0; expected a number greater than 0"),
        ({"seed": -1}, "cake: seed (--seed): found -1; expected a number greater than or equal to 0"),
        ({"oven": {"steam": 1}}, "cake: unknown field oven.steam; remove it"),
        ({"oven": {"heat": 0.25}}, "oven.heat=0.25 is neither warm nor cold"),
        ({"images": 1.5}, "cake: images: found 1.5; expected a share up to 1, or a whole number of images"),
        ({"oven": {"heat": 1e37}}, "found 1e+37; expected a number up to 1e+36"),
        ({"oven": {"spices": {"salt": -1e99}}}, "found -1e+99; expected a number up to 1e+36"),
        ({"oven": {"spices": {"salt": float("nan")}}}, "cake: oven.spices.salt: found nan; expected a finite number"),
    ],
)
def test_a_value_that_has_no_meaning_is_refused_with_its_place(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Cake.from_dict(data)
    assert str(caught.value) == message


def test_a_file_is_named_instead_of_the_kind() -> None:
    with pytest.raises(ConfigError, match=r"^runs/a: seed \(--seed\): found 'x'"):
        Cake.from_dict({"seed": "x"}, where="runs/a")


def test_numbers_of_images_are_whole_and_shares_are_not() -> None:
    assert [Cake(images=value).images for value in (0.3, 1, 300)] == [0.3, 1, 300]


NAMES = st.sampled_from("abc")
BRANCHES = st.dictionaries(NAMES, st.integers(), min_size=1)
TREES = st.integers() | st.dictionaries(NAMES, st.integers() | BRANCHES, min_size=1)
MAPPINGS = st.dictionaries(NAMES, TREES)


def leaves(tree: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    if not isinstance(tree, dict):
        return {path: tree}
    return {place: leaf for name, value in tree.items() for place, leaf in leaves(value, (*path, name)).items()}


@settings(max_examples=60)
@given(MAPPINGS, MAPPINGS)
def test_the_second_wins_where_both_say_something_and_neither_is_changed(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    before = (leaves(first), leaves(second))
    found = merged(first, second)
    ours, theirs = before
    expected = theirs | {
        path: value
        for path, value in ours.items()
        if not any(path[: len(other)] == other or other[: len(path)] == path for other in theirs)
    }
    assert leaves(found) == expected
    for name, value in found.items():
        if isinstance(value, dict):
            value["new"] = 1
            assert "new" not in (first.get(name) if isinstance(first.get(name), dict) else {})
    assert (leaves(first), leaves(second)) == before


def test_assigning_makes_the_mappings_on_the_way() -> None:
    data: dict[str, Any] = {"a": {"b": 1}}
    assign(data, ("a", "c", "d"), 2)
    assign(data, ("a", "b"), 3)
    assert data == {"a": {"b": 3, "c": {"d": 2}}}


@pytest.mark.parametrize(
    ("first", "number", "message"),
    [(0, 0, "--seeds 0: expected 1 to 9"), (0, 10, "expected 1 to 9"), (2**63 - 1, 2, "choose a smaller --seed")],
)
def test_seeds_that_cannot_all_be_are_refused_before_the_first(first: int, number: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_seeds(first, number, 9)
    check_seeds(first, 1, 9)
