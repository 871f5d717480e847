"""Methods: where they are found, and the settings that a composition amounts to."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from genocc.errors import ConfigError, GenoccError
from genocc.searchers.method import PRESETS, Method, get_method, methods
from genocc.searchers.parts import AlternatingSchedule, WeightedSum

OURS = {"darts", "ec-darts", "edarts", "entrannas", "entrannas-dst", "pc-darts", "gdas", "drnas", "random"}


def test_the_methods_are_registered() -> None:
    assert set(methods()) >= OURS


def test_a_method_takes_a_dozen_lines() -> None:
    """Their definitions name what differs from DARTS and nothing else."""
    for name in methods():
        own = {key for key in vars(get_method(name)) if not key.startswith("_")}
        assert len(own) <= 12
        assert get_method(name).__doc__


class Own(Method):
    """DARTS with other sizes."""

    name = "own"
    paper = "none"
    connection = WeightedSum(partial=2)
    schedule = AlternatingSchedule(batch_size=96, epochs=3)
    imagenet: ClassVar[dict[str, Any]] = {"connection": {"partial": 4}, "data": {"validation": 0.5}}


def test_defaults_are_the_parts_then_the_preset_then_what_is_own_on_imagenet() -> None:
    cifar, quick, imagenet = (Own.defaults(preset) for preset in ("cifar", "quick", "imagenet"))
    assert cifar["connection"] == {"name": "weighted-sum", "partial": 2, "share": False, "bottleneck": None}
    assert (cifar["schedule"]["batch_size"], quick["schedule"]["batch_size"]) == (96, 64)
    assert (cifar["data"]["name"], quick["data"]["name"]) == ("cifar10", "digits")
    assert imagenet["schedule"]["batch_size"] == PRESETS["imagenet"]["schedule"]["batch_size"] == 1024
    assert imagenet["schedule"]["epochs"] == 3
    assert imagenet["connection"]["partial"] == 4
    assert (imagenet["data"]["training"], imagenet["data"]["validation"]) == (0.1, 0.5)
    assert "connection" not in PRESETS["imagenet"], "presets stay as they are"


def test_a_preset_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ConfigError, match="unknown preset 'slow'; expected one of quick, cifar, imagenet"):
        Own.defaults("slow")


def test_an_unknown_name_is_refused_with_the_closest() -> None:
    assert get_method("pc-darts").name == "pc-darts"
    with pytest.raises(ConfigError, match="unknown method 'pc-dart'; did you mean 'pc-darts'"):
        get_method("pc-dart")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": "another"}, "its name is 'another'; expected 'mine', the name it is registered by"),
        ({"paper": None}, "its paper is None; expected a text"),
        ({"relaxation": "softmax"}, "its relaxation is 'softmax'; expected an object of Relaxation"),
        ({"supernet": 8}, "its supernet is 8; expected an object of SuperNetConfig"),
    ],
)
def test_a_method_that_is_not_whole_is_refused(
    wrong: dict[str, object], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = type("Mine", (Method,), {"name": "mine", "paper": "A, 2020", **wrong})
    monkeypatch.setattr("genocc.plugins.names", lambda group: ("mine",))
    monkeypatch.setattr("genocc.plugins.load", lambda group, name, expected: made)
    with pytest.raises(GenoccError, match=message):
        get_method("mine")
