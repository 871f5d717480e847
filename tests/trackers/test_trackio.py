"""What is asked of Trackio: nothing of Hugging Face for a run that stays here, and the epochs that it has."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import pytest

from genocc.runs.tracking import Noted
from genocc.trackers.trackio import Trackio
from tests.trackers.standing_in import Calls, install, tracked_run


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found: list[Any] = []
    constants = SimpleNamespace(HF_HUB_OFFLINE=False)

    def init(*given: Any, **named: Any) -> Calls:
        print("* Trackio project initialized")
        found.append((given, named, constants.HF_HUB_OFFLINE))
        return Calls(_next_step=4)

    install(monkeypatch, "huggingface_hub", constants=constants)
    install(monkeypatch, "trackio", Histogram=list, Image=object, init=init)
    return found


def test_it_stays_here_and_says_what_it_has(
    asked: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Trackio().begin(tracked_run(tmp_path, "trackio"), Noted(id="x", epochs=5)) == Noted(id="x", epochs=3)
    given, named, offline = asked[0]
    assert given == ("genocc", "a-x")
    assert (named["resume"], named["config"], offline) == ("allow", {"seed": 1}, True)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("variable", ["TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL"])
def test_the_users_variables_win(
    asked: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "there")
    Trackio().begin(tracked_run(tmp_path, "trackio"), Noted())
    assert asked[0][2] is False


def test_what_trackio_only_warns_of_is_an_error(
    asked: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = Trackio()
    tracker.begin(tracked_run(tmp_path, "trackio"), Noted())
    monkeypatch.setattr(
        tracker._run, "log", lambda *given, **named: warnings.warn("trackio.log() failed", stacklevel=1)
    )
    with pytest.raises(RuntimeError, match=r"trackio.log\(\) failed"):
        tracker.epoch({"epoch": 1})


def test_two_threads_leave_standard_output_and_what_others_print_alone(
    asked: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second would put back what the first has put there; meanwhile the program prints."""
    before, inside, one_is_out = sys.stdout, [Event(), Event()], Event()
    trackers = [Trackio(), Trackio()]

    def work(number: int) -> None:
        def init(*given: Any, **named: Any) -> Calls:
            print("* Trackio")
            inside[number].set()
            waited = inside[1] if number == 0 else one_is_out
            waited.wait(0.3)
            return Calls(_next_step=1)

        monkeypatch.setattr(trackers[number], "_init", init)
        trackers[number].begin(tracked_run(tmp_path, "trackio"), Noted())
        if number == 0:
            one_is_out.set()

    threads = [Thread(target=work, args=(number,)) for number in (0, 1)]
    threads[0].start()
    assert inside[0].wait(10)
    print("of the program")
    threads[1].start()
    for thread in threads:
        thread.join(10)
    assert sys.stdout is before
    assert capsys.readouterr().out == "of the program\n"
