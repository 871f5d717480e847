"""The beginning of a run: its own configuration or a new one, and the folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from genocc.errors import ConfigError, RunError
from genocc.runs.reading import CONFIG
from genocc.runs.starting import given, new_or_resumed, run_path, with_settings
from genocc.training.config import TrainConfig


def started(out: str | None, *, resume: bool, settings: bool) -> str:
    return new_or_resumed(
        out, resume=resume, settings=settings, new=lambda: "new", own=lambda folder: f"of {folder}", kind="ranking"
    )


@pytest.mark.parametrize(
    ("out", "resume", "settings", "expected"),
    [
        (None, False, False, "new"),
        (None, False, True, "new"),
        ("a", False, False, "new"),
        ("a", False, True, "new"),
        ("a", True, False, "of a"),
        ("a", True, True, "new"),  # `open_run` compares it with the run's own
    ],
)
def test_a_run_keeps_its_configuration_where_no_setting_is_given(
    out: str | None, resume: bool, settings: bool, expected: str
) -> None:
    assert started(out, resume=resume, settings=settings) == expected


@pytest.mark.parametrize("settings", [False, True])
def test_what_is_resumed_must_be_named(settings: bool) -> None:
    with pytest.raises(ConfigError, match=r"^--resume needs --out: the folder of the ranking that is to go on$"):
        started(None, resume=True, settings=settings)


def test_a_run_without_a_folder_gets_one_that_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for expected in ("a-digits", "a-digits-2", "a-digits-3"):
        folder = run_path(None, "a-digits")
        assert folder == Path("runs") / expected
        folder.mkdir(parents=True)
    assert run_path("runs/a-digits", "b") == Path("runs/a-digits")


def test_a_resumed_run_has_its_own_settings_and_those_that_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / CONFIG).touch()
    assert started(str(tmp_path), resume=True, settings=True) == f"of {tmp_path}"
    own = TrainConfig.make("quick", seed=4)
    asked = with_settings(own, ["data.cutout=3"], {"schedule": {"epochs": 9}}, tmp_path)
    assert (asked.seed, asked.data.cutout, asked.schedule.epochs, asked.preset) == (4, 3, 9, "quick")
    assert with_settings(own, (), {}, tmp_path) == own
    with pytest.raises(ConfigError, match=r"there is no 'data.cut'; did you mean 'data.cutout'"):
        with_settings(own, ["data.cut=3"], {}, tmp_path)
    with pytest.raises(
        RunError, match=r"schedule.epochs \(--epochs\) is 12, not 0"
    ):  # not the warm-up, which is longer
        with_settings(own, (), {"schedule": {"epochs": 0}}, tmp_path)


def test_only_what_says_something_is_given() -> None:
    assert given(a=None, b={}, c=0, d=False, e="") == {"c": 0, "d": False, "e": ""}
