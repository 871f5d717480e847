"""`genocc.search`: what is not given, and where runs go; the searches themselves are those of `run_search`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest

import genocc
from genocc.errors import ConfigError, RunError
from genocc.runs.folder import open_run
from genocc.runs.reading import SEARCH, SEARCH_SEEDS
from genocc.searchers import registry, request
from genocc.searchers.config import SearchConfig
from genocc.searchers.methods import Darts, PcDarts
from genocc.searchers.parts import TopK
from tests.searchers.small import small


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[Any, ...]]:
    """What runs are asked for, instead of running: (configuration, number of seeds, folder, options)."""
    found: list[tuple[Any, ...]] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        request, "run_search", lambda config, out, **options: found.append((config, None, out, options))
    )
    monkeypatch.setattr(
        request, "run_seeds", lambda config, seeds, out, **options: found.append((config, seeds, out, options))
    )
    return found


def test_without_arguments_it_is_dst_on_the_digits_in_minutes(asked: list[tuple[Any, ...]]) -> None:
    genocc.search()
    ((config, seeds, out, options),) = asked
    assert config == SearchConfig.make("entrannas-dst", "quick")
    assert (seeds, out) == (None, Path("runs/entrannas-dst-digits"))
    assert options == {"resume": False, "device": "auto", "progress": None, "track": ()}


def test_tensorboard_is_a_tracker_and_each_is_named_once(asked: list[tuple[Any, ...]]) -> None:
    pytest.importorskip("tensorboard")
    genocc.search(tensorboard=True, track=["tensorboard"])
    genocc.search(seeds=2, track="tensorboard")
    assert [options["track"] for *_, options in asked] == [("tensorboard",)] * 2


@pytest.mark.parametrize(
    ("data", "preset"), [("digits", "quick"), ("fake", "quick"), ("cifar10", "cifar"), ("some/folder", "cifar")]
)
def test_the_preset_follows_the_data(asked: list[tuple[Any, ...]], data: str, preset: str) -> None:
    genocc.search(data=data)
    genocc.search(data=data, preset="imagenet")
    assert [config.preset for config, *_ in asked] == [preset, "imagenet"]


def test_arguments_are_settings_and_overrides_win(asked: list[tuple[Any, ...]]) -> None:
    genocc.search(
        "there",
        method=PcDarts,
        data="cifar10:files",
        seed=3,
        seeds=2,
        epochs=7,
        overrides=["schedule.epochs=9", "relaxation=cen"],
        size=24,
        download=False,
        max_macs=5,
        max_params=6,
        penalty_macs=0.5,
        device="cpu",
    )
    ((config, seeds, out, options),) = asked
    assert (config.method, config.seed, config.schedule.epochs) == ("pc-darts", 3, 9)
    assert config.relaxation.name == "cen"
    assert (config.data.name, config.data.folder, config.data.size) == ("cifar10", Path("files"), 24)
    assert (config.budget.max_macs, config.budget.max_params, config.penalties["macs"].factor) == (5, 6, 0.5)
    assert (seeds, out, options["device"]) == (2, Path("there"), "cpu")


def test_runs_do_not_share_a_folder(asked: list[tuple[Any, ...]]) -> None:
    for name in ("darts-fake", "darts-fake-2"):
        Path("runs", name).mkdir(parents=True)
    genocc.search(method="darts", data="fake")
    assert asked[0][2] == Path("runs/darts-fake-3")


def test_resuming_needs_a_folder(asked: list[tuple[Any, ...]]) -> None:
    with pytest.raises(ConfigError, match="--resume needs --out"):
        genocc.search(resume=True)
    assert asked == []


def test_resuming_alone_takes_everything_from_the_folder(asked: list[tuple[Any, ...]], tmp_path: Path) -> None:
    one, several = small("ec-darts", "seed=4"), small("darts", "seed=2")
    plain = one.model_dump(mode="json"), {"seeds": 3, "search": several.model_dump(mode="json")}
    for name, command, config in zip("ab", (SEARCH, SEARCH_SEEDS), plain, strict=True):
        with open_run(tmp_path / name, command, config) as run:
            run.begin()
        genocc.search(tmp_path / name, resume=True, device="cpu")
    assert [(config, seeds, out.name, options["resume"]) for config, seeds, out, options in asked] == [
        (one, None, "a", True),
        (several, 3, "b", True),
    ]


def test_a_method_given_in_process_brings_its_parts_to_a_run_that_is_resumed(
    asked: list[tuple[Any, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class TopOne(TopK):
        name: Literal["top-one"] = "top-one"  # type: ignore[assignment]

    class TopOneDarts(Darts):
        name = "top-one-darts"
        derivation = TopOne()

    monkeypatch.setattr(registry, "_BROUGHT", {})
    own = SearchConfig.make(TopOneDarts, "quick").model_dump(mode="json")
    with open_run(tmp_path / "a", SEARCH, own) as run:
        run.begin()
    monkeypatch.setattr(registry, "_BROUGHT", {})  # as in another process
    genocc.search(tmp_path / "a", method=TopOneDarts, resume=True)
    assert isinstance(asked[0][0].derivation, TopOne)


def test_resuming_with_settings_asks_for_the_runs_with_these(asked: list[tuple[Any, ...]], tmp_path: Path) -> None:
    own = SearchConfig.make("pc-darts", "cifar", data={"name": "fake"})
    with open_run(tmp_path / "b", SEARCH, own.model_dump(mode="json")) as run:
        run.begin()
    genocc.search(tmp_path / "b", epochs=9, data="fake", resume=True)
    assert asked.pop()[0] == own.model_copy(update={"schedule": own.schedule.model_copy(update={"epochs": 9})})
    genocc.search(tmp_path / "b", method="darts", resume=True)
    assert asked.pop()[0].method == "darts"  # which the run refuses
    with pytest.raises(RunError, match="is one search; --seeds 3 asks for several"):
        genocc.search(tmp_path / "b", seeds=3, resume=True)


def test_a_run_that_was_killed_before_it_wrote_anything_begins_anew(
    asked: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    genocc.search(tmp_path / "a", method="darts", resume=True)
    assert asked[0][0] == SearchConfig.make("darts", "quick")
    assert asked[0][3]["resume"] is True
