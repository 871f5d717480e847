"""`genocc rank-topologies`: which there are, what is trained for them, phases, resuming, kills and errors."""

import json
import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from genocc.cli import app
from genocc.runs.folder import open_run, wait_until_free
from genocc.runs.reading import read_config, read_history
from genocc.searchers.topologies.part import RANK_PART
from genocc.searchers.topologies.ranking import rank_topologies
from genocc.searchers.topologies.result import read_ranking
from genocc.searchers.topologies.topologies import sampled

TINY = [
    *("--data", "fake", "--epochs", "1", "--sample", "4", "--top", "2"),
    *("--set", "data.size=8", "--set", "data.training=40", "--set", "schedule.batch_size=8"),
    *("--set", "network.channels=2", "--set", "network.layers=3"),
]
"""Six nets of three cells that see 40 images each."""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["rank-topologies", *map(str, arguments)], catch_exceptions=False)


def error(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    return result.stderr.splitlines()[-1]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ranking made by two processes without a break."""
    folder = tmp_path_factory.mktemp("ranking") / "whole"
    made = run(*TINY, "--out", folder, "--jobs", 2)
    assert made.exit_code == 0, made.output
    assert "  4  normal  " in made.stderr
    assert {path.name for path in (folder / "parts").iterdir()} == {
        f"{phase}-{number}{end}" for phase in ("normal", "both") for number in (0, 1) for end in ("", ".log")
    }
    return folder


def lines(folder: Path) -> list[str]:
    """The history in an order that does not depend on which process was faster."""
    return sorted(map(json.dumps, read_history(folder)))


def test_the_best_of_the_first_phase_are_ranked_by_the_second(whole: Path) -> None:
    found = read_ranking(whole / "ranking.json").topologies
    assert {one.topology for one in found} == set(sampled(4, 0))
    assert [one.accuracy_both is None for one in found] == [False, False, True, True]
    assert all((a.accuracy_both or 0) >= (b.accuracy_both or 0) for a, b in pairwise(found[:2]))
    assert found[2].accuracy_normal >= found[3].accuracy_normal
    assert min(one.accuracy_normal for one in found[:2]) >= found[2].accuracy_normal
    by_name = {(line["phase"], line["name"]): line["accuracy"] for line in read_history(whole)}
    assert len(by_name) == 6
    for one in found:
        assert by_name["normal", one.name] == one.accuracy_normal
        assert by_name.get(("both", one.name)) == one.accuracy_both


def test_the_finished_ranking_is_printed_again_and_genocc_rank_reads_it(whole: Path) -> None:
    before = (whole / "ranking.json").read_bytes()
    shown = run("--out", whole, "--resume")
    assert shown.exit_code == 0
    assert "4 topologies" in shown.stdout
    assert str(whole / "ranking.json") in shown.stdout
    found = json.loads(run("--out", whole, "--resume", "--json").stdout)
    assert found == json.loads(before)
    assert found["config"]["training"]["network"]["channels"] == 2
    assert (whole / "ranking.json").read_bytes() == before
    measures = ["--x", "accuracy_normal", "--y", "accuracy_both", "--skip-missing", "--json"]
    tau = json.loads(CliRunner().invoke(app, ["rank", str(whole / "ranking.json"), *measures]).stdout)
    assert (tau["rows"], tau["skipped"]) == (2, 2)


def test_killed_it_goes_on_with_what_is_missing_and_comes_to_the_same_end(whole: Path, tmp_path: Path) -> None:
    """One process instead of two, killed after its first topology, with half a line in its histories."""
    folder = tmp_path / "killed"
    program = "from genocc.cli import app; app(prog_name='genocc')"
    command = [sys.executable, "-c", program, "rank-topologies", *TINY, "--out", str(folder), "--jobs", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not (folder / "parts" / "normal-0" / "history.jsonl").exists():
            time.sleep(0.01)
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    wait_until_free(folder / "parts" / "normal-0", 20)  # the part ends by itself
    done = len(read_history(folder / "parts" / "normal-0"))
    assert 1 <= done <= 4
    assert len(read_history(folder)) <= done
    for torn in (folder, folder / "parts" / "normal-0"):
        with open(torn / "history.jsonl", "a", encoding="utf-8") as stream:
            stream.write('{"phase": "nor')
    assert run("--out", folder, "--resume", "--jobs", 1).exit_code == 0
    assert lines(folder) == lines(whole)
    assert (folder / "ranking.json").read_bytes() == (whole / "ranking.json").read_bytes()


def test_a_ranking_goes_on_with_the_data_that_it_began_with(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "run")
    (tmp_path / "run" / "ranking.json").unlink()
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    config["known_data"]["train"][0] += 1
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    assert "the images are not those that the run began with: class 'colour 0'" in error(
        "--out", tmp_path / "run", "--resume"
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"run": "0" * 16}, "is of a ranking with other settings or images; put the ranking's own files back"),
        ({"phase": "epoch"}, "expected phase, name and accuracy of a topology; was the file changed?"),
        ({"name": "01-02"}, "expected phase, name and accuracy of a topology; was the file changed?"),
        ({"accuracy": None}, "expected phase, name and accuracy of a topology; was the file changed?"),
        ({"accuracy": 7}, "expected phase, name and accuracy of a topology; was the file changed?"),
    ],
)
def test_a_history_of_another_run_is_named(line: dict[str, Any], message: str, whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "run")
    (tmp_path / "run" / "ranking.json").unlink()
    history = read_history(whole)
    history[1] |= line
    (tmp_path / "run" / "history.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in history))
    assert f"history.jsonl: line 2: {message}" in error("--out", tmp_path / "run", "--resume", "--jobs", 1)


def test_a_device_that_is_not_there_is_refused_before_anything(tmp_path: Path) -> None:
    assert "device 'tpu' is not available here; expected cpu" in error(
        *TINY, "--out", tmp_path / "a", "--device", "tpu"
    )
    assert not (tmp_path / "a").exists()


def test_held_out_images_are_those_of_the_ranking(tmp_path: Path) -> None:
    said = error(*TINY, "--out", tmp_path / "a", "--set", "data.validation=9")
    assert "data.validation: a ranking measures all its trainings on the images of --validation" in said


def test_ctrl_c_ends_it_with_130_and_its_processes_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    program = "from genocc.cli import app; app(prog_name='genocc')"
    long = [*TINY, "--set", "schedule.epochs=10000", "--out", str(folder), "--jobs", "1"]
    command = [sys.executable, "-c", program, "rank-topologies", *long]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not (folder / "parts" / "normal-0" / ".lock").exists():
            time.sleep(0.01)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        _, printed = process.communicate(timeout=60)
    assert process.returncode == 130, printed
    assert "Traceback" not in printed
    assert "go on with: genocc rank-topologies --out" in printed
    with open_run(
        folder / "parts" / "normal-0", RANK_PART, read_config(folder / "parts" / "normal-0", RANK_PART), resume=True
    ):
        pass  # no process has it any more
    assert not (folder / "ranking.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--sample", 1), "sample (--sample): found 1"),
        (("--top", 0), "top (--top): found 0"),
        (("--validation", 0), "validation (--validation): found 0"),
        (("--validation", 1), "of 1,438 training images none is left to train on"),
        (("--jobs", 0), "--jobs 0: expected at least 1"),
        (("--resume",), "--resume needs --out"),
        (("--data", "nothing"), "there is neither a data set nor a folder 'nothing'"),
        (("--jobs", 1, "--set", "data.training=1300"), "1,300 + 288 images are asked for; the data set has 1,438"),
        (("--preset", "slow"), "unknown preset 'slow'"),
        (("--set", "network.chanels=2"), "did you mean 'network.channels'?"),
    ],
)
def test_a_wrong_request_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[object, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in error(*arguments)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_a_folder_that_cannot_be_used_is_one_line(whole: Path, tmp_path: Path) -> None:
    assert "has a run in it; go on with --resume" in error(*TINY, "--out", whole)
    assert "sample (--sample) is 4, not 5" in error(*TINY, "--sample", 5, "--out", whole, "--resume")
    with open_run(tmp_path / "used", "rank-topologies", {}) as used:
        used.begin()
        assert "in use by another process" in error(*TINY, "--out", tmp_path / "used")


def test_it_is_a_function_too(whole: Path) -> None:
    assert rank_topologies(whole, resume=True) == read_ranking(whole / "ranking.json")


def test_the_result_of_another_ranking_is_named(whole: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "a"))
    assert run("--out", folder, "--resume", "--json").stdout == run("--out", whole, "--resume", "--json").stdout
    content = json.loads((folder / "ranking.json").read_text())
    content["config"]["training"]["seed"] = 7
    (folder / "ranking.json").write_text(json.dumps(content))
    said = error("--out", folder, "--resume")
    assert (
        f"{folder / 'ranking.json'}: is of another ranking: training.seed (--seed) is 7, not 0; put the run's" in said
    )
