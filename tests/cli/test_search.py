"""`genocc search` as a user runs it: output, exit codes, errors in one line, signals and kills."""

import json
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import genocc
from genocc.cli import app
from genocc.cli.search import _amount
from genocc.runs.folder import open_run
from genocc.runs.reading import read_history
from tests.latency.synthetic import synthetic_profile
from tests.searchers.small import SMALL, assert_same

SETTINGS = [argument for setting in SMALL for argument in ("--set", setting)]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["search", *map(str, arguments)], catch_exceptions=False)


def error(*arguments: object) -> str:
    """The one line that a failing search prints; nothing may go to standard output."""
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("genocc: error: ")
    return line


def start(*arguments: object) -> "subprocess.Popen[str]":
    """A search in a process of its own, with one thread."""
    program = "import torch; torch.set_num_threads(1); from genocc.cli import app; app(prog_name='genocc')"
    command = [sys.executable, "-c", program, "search", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run."""
    folder = tmp_path_factory.mktemp("command") / "whole"
    assert run("--method", "darts", "--preset", "cifar", *SETTINGS, "--out", folder, "--device", "cpu").exit_code == 0
    return folder


def test_help_is_short() -> None:
    text = run("--help").output
    assert len(text.splitlines()) < 60
    for option in ("--method", "--data", "--out", "--resume", "--max-macs", "--set"):
        assert option in text


def test_a_search_prints_what_it_found(whole: Path) -> None:
    result = run("--out", whole, "--resume")
    assert result.exit_code == 0
    assert "darts-fake-seed0: 2 epochs" in result.stdout
    assert "Target net (cifar, C=36, L=20, 8x8, 10 classes)" in result.stdout
    assert str(whole / "genotype.json") in result.stdout
    assert genocc.load(whole).hash in result.stdout
    figures = json.loads(run("--out", whole, "--resume", "--json").stdout)
    assert figures["hash"] == genocc.load(whole).hash
    assert figures["epochs"] == 2
    assert figures["macs"] > 0
    assert figures["excess"] == {}
    assert "with the super-net's BN statistics)" in result.stdout
    assert "Device: cpu: " in result.stdout
    assert "Peak memory: " in result.stdout
    assert figures["costs"]["seconds"] == figures["seconds"]
    assert figures["costs"]["devices"][0].startswith("cpu: ")
    (normal, reduction) = figures["undecided"]  # two epochs of three steps have learned nothing
    assert normal == "normal cell: the coefficients are within 1% of uniform: the genotype is noise"
    assert f"Undecided: {normal}.\nUndecided: {reduction}.\n" in result.stdout
    assert genocc.load(whole).metadata["undecided"] == figures["undecided"]


def test_the_genotype_is_ready_for_other_commands(whole: Path) -> None:
    result = CliRunner().invoke(app, ["count", str(whole), "--channels", "8", "--layers", "5", "--json"])
    assert json.loads(result.stdout)["name"] == "darts-fake-seed0"


def test_over_the_budget_is_exit_code_1_with_the_excess_and_the_genotype(tmp_path: Path) -> None:
    synthetic_profile().dump(profile := tmp_path / "cpu.json")
    out, latency = tmp_path / "run", ("--latency", profile, "--max-latency", "2us", "--penalty-latency", 0.1)
    arguments = ("--method", "darts", "--preset", "cifar", *SETTINGS, "--out", out, "--max-macs", "1K", *latency)
    for result in (run(*arguments), run("--out", out, "--resume")):
        assert result.exit_code == 1
        of_macs, of_latency = result.stderr.splitlines()[-2:]
        assert re.fullmatch(r"over the budget: .* MACs, .* more than 1,000 \(.*", of_macs)
        assert re.fullmatch(r"over the budget: .* ms latency, .* more than 0.002 ms \(.*", of_latency)
        assert "ms of predicted latency" in result.stdout
        assert genocc.load(out).hash in result.stdout
        profile.unlink(missing_ok=True)  # a finished run needs it no more
    history = [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()]
    assert history[-1]["architecture"]["latency"] > 0


def test_a_profile_of_another_machine_is_refused_before_the_search(tmp_path: Path) -> None:
    synthetic_profile().dump(profile := tmp_path / "cpu.json")
    profile.write_text(json.dumps({**json.loads(profile.read_text()), "machine": "Z80, 1 cores"}))
    result = run("--method", "random", *SETTINGS, "--out", tmp_path / "run", "--latency", profile)
    assert result.exit_code == 2
    assert "was measured on 'Z80, 1 cores'" in result.stderr
    assert not (tmp_path / "run").exists()


def test_runs_get_folders_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "darts-fake").mkdir(parents=True)
    assert run("--method", "darts", "--preset", "cifar", *SETTINGS, "--set", "schedule.epochs=1").exit_code == 0
    assert (tmp_path / "runs" / "darts-fake-2" / "genotype.json").exists()


def test_seeds_are_listed_and_go_on_by_themselves(tmp_path: Path) -> None:
    result = run(
        "--method",
        "darts",
        "--preset",
        "cifar",
        *SETTINGS,
        "--set",
        "schedule.epochs=1",
        "--out",
        tmp_path,
        "--seeds",
        2,
    )
    assert "seed-0" in result.stdout
    assert "seed-1" in result.stdout
    assert "best" in result.stdout
    again = run("--out", tmp_path, "--resume")
    assert again.stdout == result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--method", "dart"), "unknown method 'dart'; did you mean 'darts'?"),
        (("--data", "cifar11"), "there is neither a data set nor a folder 'cifar11'; did you mean 'cifar10'?"),
        (("--data", "no/such/folder"), "no/such/folder: no such folder; check the path"),
        (("--data", "cifar10:nowhere"), "cifar10: not found whole in nowhere; fetch it with --download"),
        (("--preset", "slow"), "unknown preset 'slow'"),
        (("--set", "relaxatoin=cen"), "did you mean 'relaxation'?"),
        (("--set", "relaxation.temperature=cold"), "relaxation.temperature: found 'cold'"),
        (("--epochs", 0), "schedule.epochs (--epochs): found 0; expected a number greater than 0"),
        (("--epochs", 10**20), "schedule.epochs (--epochs): found 100000000000000000000; expected a number less than"),
        (("--seed", 2**63), "seed (--seed): found 9223372036854775808; expected a number less than"),
        (("--set", "data.training=2.5"), "found 2.5; expected a share up to 1, or a whole number of images"),
        (("--data", "fake:there"), "'fake' is built in; name it without a folder"),
        (("--seeds", 0), "--seeds 0: expected 1 to"),
        (("--penalty-macs", 1), "penalties.macs.factor needs budget.max_macs"),
        (("--device", "tpu"), "device 'tpu' is not available here"),
        (("--preset", "imagenet"), "imagefolder: no folder given"),
        (("--set", "data.training=1700"), "1,700 + 719 images are asked for; the data set has 1,438"),
    ],
)
def test_a_wrong_request_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[object, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in error(*arguments)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_a_folder_that_cannot_be_used_is_one_line(whole: Path, tmp_path: Path) -> None:
    assert "has a run in it; go on with --resume" in error("--out", whole)
    assert "none: no run in it" in error("--out", tmp_path / "none", "--resume")
    assert "--resume needs --out" in error("--resume")
    assert "schedule.epochs (--epochs) is 2, not 3" in error(
        "--out",
        whole,
        "--resume",
        "--method",
        "darts",
        "--preset",
        "cifar",
        *SETTINGS,
        "--set",
        "schedule.epochs=3",
    )
    with open_run(tmp_path / "used", "search", {}) as used:
        used.begin()
        assert "in use by another process" in error("--out", tmp_path / "used", "--method", "darts")


@pytest.mark.parametrize("text", ["many", "1X", "-1", "1,5G", "1_5M", "1.5", "1,500,00", "1,500_000", ",5M", "1.5.5M"])
def test_an_amount_that_is_none_is_refused(text: str) -> None:
    assert run("--max-macs", text).exit_code == 2


def test_amounts_are_exact() -> None:
    amounts = {"600M": 600 * 10**6, "1.5G": 1_500_000_000, "1,500,000": 1_500_000, "1_500K": 1_500_000, "0.4M": 400_000}
    assert {text: _amount(text) for text in amounts} == amounts
    assert _amount("123456789012345678901") == 123456789012345678901


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_with_130_and_the_run_goes_on(whole: Path, tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "run"
    with start("--method", "darts", "--preset", "cifar", *SETTINGS, "--out", folder, "--device", "cpu") as process:
        wait_for(folder / "log.txt", process)
        process.send_signal(number)
        _, printed = process.communicate()
    assert process.returncode == 130, printed
    assert "go on with: genocc search --out" in printed
    assert "Traceback" not in printed
    assert not (folder / "genotype.json").exists()
    assert run("--out", folder, "--resume").exit_code == 0
    assert_same(folder, whole)


@pytest.mark.parametrize(
    "kills", [pytest.param(1, id="1 kill"), pytest.param(30, id="30 kills", marks=pytest.mark.full)]
)
def test_killed_at_random_instants_it_comes_to_the_same_end(tmp_path: Path, kills: int) -> None:
    """SIGKILL cannot be answered: whatever was being written is half there, and the run goes on from what is whole."""
    method = ("--method", "ec-darts", "--preset", "cifar", *SETTINGS, "--set", "schedule.epochs=4")
    assert run(*method, "--out", tmp_path / "whole", "--device", "cpu").exit_code == 0
    folder, chance, done = tmp_path / "killed", random.Random(kills), 0
    while done < kills:
        resume = ["--resume"] if folder.exists() else []
        with start(*method, "--out", folder, "--device", "cpu", *resume) as process:
            begun = (folder / "log.txt").stat().st_size if (folder / "log.txt").exists() else 0
            wait_for(folder / "log.txt", process, longer_than=begun)
            time.sleep(chance.uniform(0, 2.5))
            process.kill()
            _, printed = process.communicate()
        if (folder / "genotype.json").exists():  # it was faster: begin anew, and count the kills that hit
            assert_same(folder, tmp_path / "whole")
            for path in sorted(folder.rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
            folder.rmdir()
        else:
            assert process.returncode == -signal.SIGKILL, printed
            done += 1
    final = run(*method, "--out", folder, "--device", "cpu", *(["--resume"] if folder.exists() else []))
    assert final.exit_code == 0, final.output
    assert_same(folder, tmp_path / "whole")


def wait_for(path: Path, process: "subprocess.Popen[str]", *, longer_than: int = 0) -> None:
    """Waits until a file has grown, or the process has ended."""
    while process.poll() is None and not (path.exists() and path.stat().st_size > longer_than):
        time.sleep(0.01)


@pytest.mark.full
def test_the_default_search_is_quick_learns_repeats_and_compiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a new user types first, twice: minutes on two cores, and the same both times."""
    monkeypatch.chdir(tmp_path)
    begun = time.process_time()
    for _ in range(2):
        assert run().exit_code == 0
    assert time.process_time() - begun < 2 * 180  # of one thread here
    first, second = tmp_path / "runs" / "entrannas-dst-digits", tmp_path / "runs" / "entrannas-dst-digits-2"
    assert_same(first, second)
    history = read_history(first)
    assert history[-1]["validation_accuracy"] > 0.8  # chance is 0.1
    assert history[-1]["child_accuracy"] > history[-1]["validation_accuracy"] - 0.1  # the gap that DST closes
    edges = [sum(line["edges_per_node"]["normal"]) for line in history]
    assert edges[0] > 90 > 30 > edges[-1]
    compiled = CliRunner().invoke(app, ["compile", str(first), "--to", "onnx", "-o", "net.onnx", "--input-size", "16"])
    assert compiled.exit_code == 0, compiled.output
    assert (tmp_path / "net.onnx").exists()
