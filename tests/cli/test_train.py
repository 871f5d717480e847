"""`genocc train` as a user runs it, and what other commands make of its runs."""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from typer.testing import CliRunner, Result

from genocc.cli import app
from genocc.data.settings import ImagesConfig, load_data
from genocc.exporters import torch as torch_target
from genocc.provenance import Provenance
from genocc.runtimes import onnx_runtime
from tests.training.tiny import GENOTYPE, TINY, assert_same

SETTINGS = ["--preset", "cifar", *(argument for text in TINY for argument in ("--set", text)), "--device", "cpu"]


def genocc(*arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)


def error(*arguments: object) -> str:
    """The one line that a failing command prints; nothing may go to standard output."""
    result = genocc(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("genocc: error: ")
    return line


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_defaults_train_nets_of_few_channels_on_large_images(tmp_path: Path, precision: str) -> None:
    """Where oneDNN's gradient of a 1x1 weight with a stride ends the process: 139, or "double free or corruption"."""
    images = ("--data", "digits", "--input-size", "64", "--set", "data.training=40", "--set", "schedule.batch_size=4")
    net = ("--channels", "4", "--layers", "2", "--set", f"compute.precision={precision}")
    command = [sys.executable, "-m", "genocc", "train", "zoo:darts-v2", *images, *net, "--epochs", "1"]
    done = subprocess.run([*command, "--device", "cpu", "--out", tmp_path / "x"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def genotype(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.json"
    path.write_text(GENOTYPE.dumps())
    return path


def test_a_training_prints_what_came_of_it(tmp_path: Path, training_run: Path, genotype: Path) -> None:
    result = genocc("train", genotype, *SETTINGS, "--out", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert_same(tmp_path / "run", training_run)
    assert "tiny: 3 epochs in" in result.stdout
    assert "Device: cpu: " in result.stdout
    assert result.stdout.rstrip().endswith("best.safetensors")
    assert "tiny (cifar, C=4, L=3) on fake: 40 images of 8x8, 10 classes, preset cifar, seed 0, cpu" in result.stderr
    assert "epoch 3/3  lr 0.0063" in result.stderr
    again = genocc("train", "--out", tmp_path / "run", "--resume", "--json")
    figures = json.loads(again.stdout)
    assert figures["hash"] == GENOTYPE.hash
    assert figures["epochs"] == 3
    assert figures["best"]["top1"] >= figures["last"]["top1"]
    assert figures["network"]["channels"] == 4
    assert figures["costs"]["seconds"] == figures["seconds"]
    assert figures["costs"]["peak_device_memory"] is None


def test_seeds_with_held_out_images_are_printed_with_mean_and_deviation(tmp_path: Path, genotype: Path) -> None:
    arguments = ("train", genotype, *SETTINGS, "--out", tmp_path / "run", "--seeds", 2, "--validation", 30)
    result = genocc(*arguments)
    assert result.exit_code == 0, result.output
    assert re.search(r"mean ± deviation +\d+\.\d\d% ± \d+\.\d\d%", result.stdout)
    assert "best, on the test images" in result.stdout
    assert "Held-out training images choose the best epoch" in result.stdout
    found = json.loads(genocc("train", "--out", tmp_path / "run", "--resume", "--json").stdout)
    assert [one["seed"] for one in found["seeds"]] == [0, 1]
    assert found["over_seeds"].keys() == {"best", "last", "test"}
    said = error("train", "--out", tmp_path / "run", "--resume", "--validation", 40)
    assert "training.data.validation (--validation) is 30.0, not 40.0" in said


def test_oblong_images_are_trained_on_compiled_for_and_measured(tmp_path: Path, genotype: Path) -> None:
    run = tmp_path / "run"
    trained = genocc("train", genotype, *SETTINGS, "--epochs", 1, "--set", "data.size=8x20", "--out", run)
    assert trained.exit_code == 0, trained.output
    assert "40 images of 8x20" in trained.stderr
    compiled = genocc("compile", run, "--to", "onnx", "-o", tmp_path / "net.onnx")
    assert compiled.exit_code == 0, compiled.output
    for net in (run, tmp_path / "net.onnx"):
        found = genocc("evaluate", net, "--data", "fake", "--limit", 50, "--json")
        assert json.loads(found.stdout)["images"] == 50


def test_a_resumed_run_names_the_option_that_is_not_its_own(training_run: Path) -> None:
    for option, said in (
        (("--epochs", 60), "schedule.epochs (--epochs) is 3, not 60"),
        (("--input-size", "8x20"), "data.size (--input-size) is 8, not [8, 20]"),
        (("--data", "digits"), 'data.name (--data) is "fake", not "digits"'),
        (("--layers", 9, "--data", "fake"), "network.layers (--layers) is 3, not 9"),
        (("--set", "schedule.warmup=99"), "schedule.warmup is 1, not 99"),
    ):
        assert said in error("train", "--out", training_run, "--resume", *option)


def test_options_are_settings(tmp_path: Path, genotype: Path) -> None:
    options = ("--epochs", 1, "--seed", 3, "--channels", 4, "--layers", 3, "--no-auxiliary", "--input-size", 8)
    more = ("--set", "data.training=20", "--set", "schedule.batch_size=10", "--data", "fake", "--preset", "shallow")
    assert genocc("train", genotype, *options, *more, "--out", tmp_path / "run").exit_code == 0
    config = json.loads((tmp_path / "run" / "config.json").read_text())["config"]
    assert (config["preset"], config["seed"], config["schedule"]["epochs"], config["data"]["size"]) == (
        "shallow",
        3,
        1,
        8,
    )
    assert (config["network"]["channels"], config["network"]["layers"], config["network"]["auxiliary"]) == (4, 3, False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no GENOTYPE to train"),
        (("zoo:darts-v3",), "darts-v3"),
        (
            ("zoo:darts-v2", "--preset", "slow"),
            "unknown preset 'slow'; expected one of cifar, imagenet, pc-darts",
        ),
        (
            ("zoo:darts-v2", "--data", "cifar11"),
            "there is neither a data set nor a folder 'cifar11'; did you mean 'cifar10'?",
        ),
        (("zoo:darts-v2", "--data", "~no-such-user-/x"), "there is no home directory of that user"),
        (("zoo:darts-v2", "--data", ""), "--data: found an empty text; give a value, or leave it out"),
        (
            ("zoo:darts-v2", "--input-size", "64y300"),
            "(--input-size): found '64y300'; expected a height and width",
        ),
        (("zoo:darts-v2", "--set", "optimiser.clip=1"), "did you mean 'optimizer'?"),
        (("zoo:darts-v2", "--auxiliary"), "needs a map of at least 8x8, found 4x4"),
        (("zoo:darts-v2", "--set", "compute.precision=float16", "--device", "cpu"), "use compute.precision=bfloat16"),
        (("zoo:darts-v2", "--device", "tpu"), "device 'tpu' is not available here"),
        (("zoo:darts-v2", "--resume"), "--resume needs --out"),
        (("--out", "none", "--resume"), "none: no run in it"),
    ],
)
def test_a_wrong_request_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[object, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in error("train", *arguments)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_another_commands_run_is_not_resumed(training_run: Path) -> None:
    assert "a run of `genocc train`; expected one of `genocc search`" in error(
        "search", "--out", training_run, "--resume"
    )


def test_a_run_compiles_to_the_net_that_was_trained(training_run: Path, tmp_path: Path) -> None:
    """Weights, network, class names, mean and deviation are the run's; ONNX Runtime computes the logits of PyTorch."""
    compiled = genocc("compile", training_run, "--to", "onnx", "-o", tmp_path / "net.onnx")
    assert compiled.exit_code == 0, compiled.output
    assert "trained weights" in compiled.stdout
    assert "images    minus mean 0.5, 0.5, 0.5, over deviation 0.25, 0.25, 0.25" in compiled.stdout
    said = Provenance.from_metadata(metadata(tmp_path / "net.onnx"), "net")
    assert (said.config.channels, said.config.layers, said.config.input_size) == (4, 3, (8, 8))
    assert said.class_names[3] == "colour 3"
    assert said.normalization == ((0.5,) * 3, (0.25,) * 3)
    assert said.normalize is None
    images = np.random.default_rng(0).standard_normal((5, 3, 8, 8), np.float32)
    assert_runs_as(training_run, tmp_path / "net.onnx", images, torch.from_numpy(images))


def test_a_run_compiles_with_its_normalization_inside(training_run: Path, tmp_path: Path) -> None:
    pixels = load_data(ImagesConfig(name="fake", size=8)).test.pixels[:5].permute(0, 3, 1, 2)  # type: ignore[attr-defined]
    taken = (pixels / 255 - 0.5) / 0.25
    for options, images in ((("--normalize", "run"), (pixels / 255).float()), (("--uint8-input",), pixels)):
        compiled = genocc("compile", training_run, "--to", "onnx", "-o", tmp_path / "net.onnx", *options)
        assert compiled.exit_code == 0, compiled.output
        assert "normalized inside: mean 0.5, 0.5, 0.5, deviation" in compiled.stdout
        assert_runs_as(training_run, tmp_path / "net.onnx", images.contiguous().numpy(), taken)


def assert_runs_as(
    run: Path, file: Path, images: np.ndarray[tuple[int, ...], np.dtype[np.generic]], x: torch.Tensor
) -> None:
    """An ONNX file says of images what the net of a run says of the same, normalised."""
    found = onnx_runtime.run(onnx_runtime.session(file.read_bytes()), images)
    expected = torch_target.load(run / "best.safetensors").eval()(x.float()).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def metadata(path: Path) -> dict[str, str]:
    return {entry.key: entry.value for entry in onnx.load(path).metadata_props}


@pytest.mark.parametrize(("target", "suffix"), [("torch", "safetensors"), ("pt2", "pt2"), ("python", "py")])
def test_a_run_compiles_to_every_target(training_run: Path, tmp_path: Path, target: str, suffix: str) -> None:
    path = tmp_path / f"net.{suffix}"
    assert genocc("compile", training_run, "--to", target, "-o", path).exit_code == 0
    if target == "torch":
        loaded, trained = torch_target.load(path), torch_target.load(training_run / "best.safetensors")
        assert loaded.state_dict().keys() <= trained.state_dict().keys()
        for name, value in loaded.state_dict().items():
            assert torch.equal(value, trained.state_dict()[name])


def test_a_run_that_is_not_finished_says_how_to_go_on(training_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(training_run, tmp_path / "run"))
    (run / "last.safetensors").unlink()
    compile_it = ("compile", run, "--to", "onnx", "-o", tmp_path / "net.onnx")
    assert f"go on with genocc train --out {run} --resume" in error(*compile_it)
    assert genocc(*compile_it, "--weights", run / "best.safetensors").exit_code == 0
    (run / "best.safetensors").unlink()
    assert "best.safetensors: is missing, though epochs have ended" in error("count", run)
    assert "name a file of weights, such as its last.safetensors" in error("evaluate", run)
    (run / "history.jsonl").unlink()
    assert "a training without weights yet" in error("count", run)
    assert genocc("count", run / "genotype.json").exit_code == 0
    assert "--normalize run: GENOTYPE is no training run" in error(
        "compile", run / "genotype.json", "--to", "onnx", "-o", tmp_path / "net.onnx", "--normalize", "run"
    )


def start(*arguments: object) -> subprocess.Popen[str]:
    program = "import torch; torch.set_num_threads(1); from genocc.cli import app; app(prog_name='genocc')"
    command = [sys.executable, "-c", program, "train", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def longer(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[object]]:
    """An uninterrupted run of a second or two, and its arguments."""
    folder = tmp_path_factory.mktemp("longer")
    (folder / "tiny.json").write_text(GENOTYPE.dumps())
    arguments: list[object] = [folder / "tiny.json", *SETTINGS, "--set", "schedule.epochs=8"]
    assert genocc("train", *arguments, "--out", folder / "whole").exit_code == 0
    return folder / "whole", arguments


@pytest.mark.parametrize(
    "kills", [pytest.param(1, id="1 kill"), pytest.param(20, id="20 kills", marks=pytest.mark.full)]
)
def test_killed_at_random_instants_it_comes_to_the_same_end(
    tmp_path: Path, longer: tuple[Path, list[object]], kills: int
) -> None:
    """SIGKILL cannot be answered: whatever was being written is half there, and the run goes on from what is whole."""
    whole, arguments = longer
    folder, chance, done = tmp_path / "killed", random.Random(kills), 0
    while done < kills:
        begun = (folder / "log.txt").stat().st_size if (folder / "log.txt").exists() else 0
        with start(*arguments, "--out", folder, *(["--resume"] if folder.exists() else [])) as process:
            wait_for(folder / "log.txt", process, longer_than=begun)
            time.sleep(chance.uniform(0, 1.0))
            process.kill()
            _, printed = process.communicate()
        if (folder / "last.safetensors").exists():  # it was faster: begin anew, and count the kills that hit
            assert_same(folder, whole)
            shutil.rmtree(folder)
        else:
            assert process.returncode == -signal.SIGKILL, printed
            done += 1
    final = genocc("train", *arguments, "--out", folder, *(["--resume"] if folder.exists() else []))
    assert final.exit_code == 0, final.output
    assert_same(folder, whole)


def test_a_signal_ends_with_130_and_the_run_goes_on(tmp_path: Path, longer: tuple[Path, list[object]]) -> None:
    whole, arguments = longer
    folder = tmp_path / "run"
    with start(*arguments, "--out", folder) as process:
        wait_for(folder / "log.txt", process)
        process.send_signal(signal.SIGTERM)
        _, printed = process.communicate()
    assert process.returncode == 130, printed
    assert "go on with: genocc train --out" in printed
    assert "Traceback" not in printed
    assert genocc("train", "--out", folder, "--resume").exit_code == 0
    assert_same(folder, whole)


def wait_for(path: Path, process: subprocess.Popen[str], *, longer_than: int = 0) -> None:
    """Waits until a file has grown, or the process has ended."""
    while process.poll() is None and not (path.exists() and path.stat().st_size > longer_than):
        time.sleep(0.01)


@pytest.mark.full
def test_the_quick_training_reaches_what_it_should(tmp_path: Path) -> None:
    """What the demo does: the built-in digits, a published cell."""
    result = genocc("train", "zoo:darts-v2", "--out", tmp_path / "run", "--json")
    assert json.loads(result.stdout)["last"]["top1"] > 0.96
