"""Every registered tracker: a search that is killed and goes on, a training, and that results do not depend on it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

import genocc
from genocc.errors import ConfigError
from genocc.runs.progress import Progress
from genocc.runs.reading import read_history
from genocc.runs.tracking import Noted, distributions, make_tracker, read_note, scalars, tracker_names
from genocc.searchers.search import run_search
from genocc.training.training import run_training
from tests.searchers.small import SMALL, assert_same, small
from tests.trackers.reading import read
from tests.training.tiny import GENOTYPE, tiny

pytestmark = pytest.mark.filterwarnings("default::DeprecationWarning")  # of their libraries

CONFIG = small("entrannas", "schedule.epochs=3")


class Killed(BaseException):
    """What no process survives."""


class Killing(Progress):
    """Kills the process when the second epoch is in the history, and not yet in a checkpoint."""

    def epoch(self, text: str) -> None:
        if "2/3" in text:
            raise Killed


@pytest.fixture(params=tracker_names())
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    try:
        make_tracker(found)
    except ConfigError as error:
        pytest.skip(str(error))
    return found


@pytest.fixture(scope="module")
def untracked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_search(CONFIG, tmp_path_factory.mktemp("runs") / "a", device="cpu").path


def test_a_search_that_is_killed_and_goes_on_is_one_tracked_run(
    name: str, untracked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "a"
    with pytest.raises(Killed):
        run_search(CONFIG, run, device="cpu", track=[name], progress=Killing())
    assert "tracking with" not in (run / "log.txt").read_text()
    begun = read_note(run, name)
    assert begun == Noted(id=begun.id, epochs=1, history=begun.history)
    assert begun.history
    result = run_search(CONFIG, run, device="cpu", resume=True)
    ended = read_note(run, name)
    assert ended == Noted(id=begun.id, epochs=3, finished=True, history=ended.history)
    assert "tracking with" not in (run / "log.txt").read_text()

    found = read(name, run)
    expected = [(line["epoch"], tag, value) for line in read_history(run) for tag, value in scalars(line)]
    results = {(tag, value) for tag, value in scalars({"result": result.to_dict()})}
    got = [one for one in found.numbers if not one[1].startswith("result/") and one[1] != "epoch"]
    assert_close(got, expected)
    assert_close([(0, *one[1:]) for one in found.numbers if one[1].startswith("result/")], [(0, *o) for o in results])
    assert found.config["schedule.batch_size"] == "8"
    assert found.pictures == {"cells", "coefficients"}
    if name != "mlflow":
        tags = {tag for line in read_history(run) for tag, _ in distributions(line)}
        assert found.distributions == {(epoch, tag) for epoch in (1, 2, 3) for tag in tags}
    assert found.finished in (None, True)

    assert_same(run, untracked)
    assert (run / "config.json").read_bytes() == (untracked / "config.json").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"a"}, "nothing beside the run"
    assert capfd.readouterr().out == ""


IMPORTED = {"tensorboard": "tensorboard.summary.writer.record_writer"}
"""Tracker -> what it imports, where that is not its name."""


@pytest.mark.parametrize("name", tracker_names())
def test_a_package_that_is_not_installed_is_one_line_before_anything_starts(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, IMPORTED.get(name, name), None)
    message = rf"tracking with {name} needs the package {name}.*: pip install 'genocc\[{name}\]'"
    with pytest.raises(ConfigError, match=message):
        run_search(CONFIG, tmp_path / "run", device="cpu", track=[name])
    with pytest.raises(ConfigError, match=message):
        genocc.search(tmp_path / "run", data="fake", seeds=2, track=[name])
    with pytest.raises(ConfigError, match=message):
        genocc.train(GENOTYPE, tmp_path / "run", data="fake", track=[name])
    assert not (tmp_path / "run").exists()


def assert_close(found: list[tuple[int, str, Any]], expected: list[tuple[int, str, Any]]) -> None:
    """The same numbers, each once; TensorBoard has them in single precision."""
    assert sorted(one[:2] for one in found) == sorted(one[:2] for one in expected)
    values = {one[:2]: one[2] for one in expected}
    assert {one[:2]: one[2] for one in found} == pytest.approx(values, rel=1e-6)


@pytest.mark.full
def test_killed_at_random_instants_it_is_one_tracked_run_all_the_same(name: str, tmp_path: Path) -> None:
    """Kills real processes, in which the trackers' own threads and processes write."""
    line = [
        sys.executable,
        "-m",
        "genocc",
        "search",
        "--method",
        "darts",
        "--device",
        "cpu",
        "--out",
        str(tmp_path / "a"),
    ]
    settings = [text for one in (*SMALL, "schedule.epochs=8") for text in ("--set", one)]
    random, kills = Random(name), 0
    while not (tmp_path / "a" / "genotype.json").exists():
        begun = (tmp_path / "a" / "config.json").exists()
        more = ["--resume"] if begun else ["--method", "darts", "--preset", "cifar", "--track", name, *settings]
        process = subprocess.Popen([*line, *more], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before = len(read_history(tmp_path / "a")) if begun else 0
        while process.poll() is None and (not begun or len(read_history(tmp_path / "a")) == before):
            begun = (tmp_path / "a" / "config.json").exists()
            time.sleep(0.05)
        time.sleep(random.uniform(0, 1))
        if process.poll() is None and kills < 3:
            kills += 1
            process.kill()
        process.wait()
    assert kills == 3
    subprocess.run([*line, "--resume"], check=True, capture_output=True)
    found, history = read(name, tmp_path / "a"), read_history(tmp_path / "a")
    assert_close(
        [one for one in found.numbers if one[1] == "validation_accuracy"],
        [(epoch["epoch"], "validation_accuracy", epoch["validation_accuracy"]) for epoch in history],
    )
    assert read_note(tmp_path / "a", name).finished
    assert found.pictures == {"cells", "coefficients"}


def test_a_finished_training_is_handed_over_afterwards(name: str, tmp_path: Path) -> None:
    run_training(GENOTYPE, tiny(), tmp_path, device="cpu")
    assert not (tmp_path / "tracking").exists()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    run_training(GENOTYPE, tiny(), tmp_path, device="cpu", resume=True, track=[name])
    assert before == {path: path.read_bytes() for path in before}
    found = read(name, tmp_path)
    expected = [line["test"]["top1"] for line in read_history(tmp_path)]
    assert [value for _, tag, value in found.numbers if tag == "test/top1"] == pytest.approx(expected)
    assert found.pictures == {"cells"}
