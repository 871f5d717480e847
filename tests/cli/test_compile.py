"""``genocc compile`` and ``genocc verify`` as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner, Result

import genocc
from genocc import weights, zoo
from genocc.cli import app
from genocc.compiler import compile_net
from genocc.passes import PASSES
from genocc.runtimes.openvino import OPENVINO
from genocc.targets import exporters
from tests.reference import random_parameters

SMALL = ("--channels", "4", "--layers", "3", "--input-size", "16")


def run(*arguments: str | Path, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def error(*arguments: str | Path) -> str:
    """The one line that a failing command prints; nothing may go to standard output."""
    result = run(*arguments, code=2)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("genocc: error: ")
    return line


def test_compile_verifies_and_says_what_it_wrote(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    output = run("compile", "zoo:darts-v2", "--to", "onnx", "-o", path, *SMALL).stdout
    assert "darts-v2 for target onnx" in output
    assert "untrained weights, seed 0" in output
    assert "onnx.checker (full), strict shape inference" in output
    assert "top-1 agreement 100% with PyTorch, batch 1, 2, 7" in output
    assert "CPUExecutionProvider" in output
    verified = run("verify", path).stdout
    assert "same: max rel" in verified
    assert "ONNX reference evaluator" in verified


def test_compile_prints_figures_as_json(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    figures = json.loads(run("compile", "zoo:darts-v2", "--to", "onnx", "-o", path, *SMALL, "--json").stdout)
    model = onnx.load(path)
    assert figures["bytes"] == path.stat().st_size
    assert figures["operators"] == len(model.graph.node)
    assert figures["passes"] == list(exporters()["onnx"].passes)
    assert figures["verification"]["ok"] is True
    found = json.loads(run("verify", path, "--json", "--batch", "2,3").stdout)
    assert {"max_abs", "max_rel", "top1_agreement", "provider", "ok"} <= found.keys()
    assert [c["batch"] for c in found["comparisons"]] == [2, 2, 3, 3]


TARGETS = [name for name in sorted(exporters()) if name != "openvino" or OPENVINO.lacks() is None]
ZOO = ("darts-v2", "pc-darts-cifar", "nasnet", "fairdarts-c")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ZOO)
def test_the_zoo_compiles_to_every_target(name: str, target: str, tmp_path: Path) -> None:
    config = genocc.NetworkConfig(channels=4, layers=5, input_size=(17, 16))
    path = tmp_path / f"net{exporters()[target].suffix}"
    compilation = genocc.compile(genocc.load(f"zoo:{name}"), config, to=target, output=path)
    assert compilation.verification
    assert compilation.verification.ok
    assert compilation.size == sum(written.stat().st_size for written in tmp_path.iterdir())


@pytest.mark.full
@pytest.mark.parametrize("skeleton", ["cifar", "imagenet"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", zoo.names())
def test_the_whole_zoo_compiles_in_full_size(name: str, target: str, skeleton: str, tmp_path: Path) -> None:
    config = genocc.NetworkConfig.make(skeleton=skeleton)
    compilation = genocc.compile(
        genocc.load(f"zoo:{name}"), config, to=target, output=tmp_path / f"net{exporters()[target].suffix}"
    )
    assert compilation.verification
    assert compilation.verification.ok
    assert compilation.net.growth <= 1.2


def test_growth_is_told(tmp_path: Path) -> None:
    arguments = ("compile", "zoo:darts-v2", "--to", "onnx", "-o", tmp_path / "net.onnx", *SMALL, "--no-verify")
    grown = json.loads(run(*arguments, "--passes", "dense-factorized-reduce", "--json").stdout)
    assert grown["growth"] > 1
    assert "x the parameters of the genotype's net" in run(*arguments, "--passes", "dense-factorized-reduce").stdout
    assert "x the parameters" not in run(*arguments, "--optimize", "1").stdout


def test_no_verify_is_quick_to_start_and_needs_no_pytorch(tmp_path: Path) -> None:
    program = (
        "import sys; from genocc.cli import app\n"
        "try: app(['compile', 'zoo:darts-v2', '--to', 'onnx', '-o', 'net.onnx', '--no-verify'])\n"
        "finally: print('torch' in sys.modules, 'onnxruntime' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False False"
    assert "verified  no (--no-verify)" in done.stdout
    onnx.checker.check_model(onnx.load(tmp_path / "net.onnx"), full_check=True)


@pytest.mark.parametrize("optimize", [0, 1, 2])
def test_levels(optimize: int, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    figures = json.loads(
        run("compile", "zoo:darts-v2", "--to", "onnx", "-o", path, *SMALL, "--optimize", str(optimize), "--json").stdout
    )
    default = exporters()["onnx"].passes
    expected = {0: [], 1: [name for name in default if not PASSES[name].grows], 2: list(default)}[optimize]
    assert figures["passes"] == expected
    assert figures["verification"]["ok"]
    assert figures["growth"] <= 1.2 if optimize == 2 else figures["growth"] <= 1


def test_print_after_shows_the_graph(tmp_path: Path) -> None:
    arguments = ("compile", "zoo:darts-v2", "--to", "onnx", "-o", tmp_path / "net.onnx", *SMALL, "--no-verify")
    passes = ("--passes", "remove-dead-code,fold-batch-norm")
    one = run(*arguments, *passes, "--print-after", "fold-batch-norm").stdout
    graph = compile_net(
        genocc.load("zoo:darts-v2"),
        genocc.NetworkConfig(channels=4, layers=3, input_size=(16, 16)),
        passes=["remove-dead-code", "fold-batch-norm"],
    ).graph
    assert f"# after fold-batch-norm\n{graph}" in one
    assert "# after remove-dead-code" not in one
    both = run(*arguments, *passes, "--print-after", "all").stdout
    assert both.index("# after remove-dead-code") < both.index("# after fold-batch-norm")
    assert "batch_norm" in both.split("# after fold-batch-norm")[0]
    assert "--print-after pad-channels: this pass does not run" in error(
        *arguments, *passes, "--print-after", "pad-channels"
    )


def test_passes_take_arguments(tmp_path: Path) -> None:
    """What ran is in the figures and in the file, and a file made so is verified like any other."""
    path = tmp_path / "net.onnx"
    command = ("compile", "zoo:darts-v2", "--to", "onnx", "-o", path, *SMALL)
    given = "fold-batch-norm, pad-channels( growth=9, block=8),merge-summed-chains(pixels=8,reach=3)"
    ran = ["fold-batch-norm", "pad-channels(block=8,growth=9.0)", "merge-summed-chains(pixels=8,reach=3)"]
    done = run(*command, "--passes", given, "--print-after", "pad-channels", "--json")
    figures = json.loads(done.stdout)
    assert figures["passes"] == ran
    assert figures["verification"]["ok"]
    assert f"# after {ran[1]}\n" in done.stderr
    assert "# after fold" not in done.stderr
    metadata = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert ",".join(ran) in metadata.values()
    assert "same: max rel" in run("verify", path).stdout
    assert f"# after {ran[1]}\n" in run(*command, "--passes", given, "--print-after", ran[1], "--no-verify").stdout
    message = error(*command, "--passes", "pad-channels(blok=8)")
    assert "pass 'pad-channels' takes block=16 (an integer from 1 to 1024)" in message
    assert "found 'blok=8'" in message


def test_standard_output_holds_the_file_alone(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "genocc", "compile", "zoo:darts-v2", "--to", "onnx", *SMALL, "--no-verify", "-o"]
    done = subprocess.run([*command, "-"], capture_output=True, check=True)
    subprocess.run([*command, "net.onnx"], check=True, cwd=tmp_path, capture_output=True)
    assert done.stdout == (tmp_path / "net.onnx").read_bytes()
    assert b"untrained weights" in done.stderr


def test_trained_weights(tmp_path: Path) -> None:
    config = genocc.NetworkConfig(channels=4, layers=3, input_size=(16, 16))
    arrays = random_parameters(genocc.lower(genocc.load("zoo:darts-v2"), config))
    path, file = tmp_path / "net.onnx", tmp_path / "w.safetensors"
    weights.save({name: array.astype(np.float32) for name, array in arrays.items()}, file)
    assert (
        "trained weights"
        in run("compile", "zoo:darts-v2", "--to", "onnx", "-o", path, *SMALL, "--weights", file).stdout
    )
    assert "give the safetensors file again with --weights" in error("verify", path)
    run("verify", path, "--weights", file)
    assert "tensor 'stem.conv.weight' has shape (12, 3, 3, 3); expected (18, 3, 3, 3)" in error(
        "compile", "zoo:darts-v2", "--to", "onnx", "-o", path, "--channels", "6", "--layers", "3", "--weights", file
    )


def test_a_file_that_differs_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass that changes what is computed: exit code 1, and what was there before stays."""
    path = tmp_path / "net.onnx"
    path.write_text("before")
    relu = PASSES["relu-before-concat"]
    monkeypatch.setattr(type(relu), "run", _doubled_classifier)
    result = run(
        "compile", "zoo:darts-v2", "--to", "onnx", "-o", path, *SMALL, "--passes", "relu-before-concat", code=1
    )
    assert "not written: it differs from PyTorch by" in result.stderr
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["net.onnx"]


def _doubled_classifier(self, graph, parameters):  # type: ignore[no-untyped-def]
    arrays = {name: parameters[name] for name in parameters}
    arrays["classifier.linear.weight"] = 2 * arrays["classifier.linear.weight"]
    return graph, type(parameters).of(arrays)


ONNX = ("compile", "zoo:darts-v2", "--to", "onnx", "-o", "net.onnx", *SMALL)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*ONNX, "--opset", "16"), "opset 16 is not supported; expected 17 to"),
        ((*ONNX, "--optimize", "3"), "optimization level 3 does not exist; expected 0, 1 or 2"),
        ((*ONNX, "--optimize", "1", "--passes", "fold-batch-norm"), "--passes and --optimize exclude each other"),
        ((*ONNX, "--passes", "fold-bn"), "unknown pass 'fold-bn'; did you mean 'fold-batch-norm'?"),
        ((*ONNX, "--normalize", "0.5,0.5,0.2"), "--normalize: found '0.5,0.5,0.2'; expected 6 numbers"),
        ((*ONNX, "--normalize", "half,0.2"), "--normalize: found 'half,0.2'; expected 6 numbers"),
        ((*ONNX, "--normalize", "0.5,0"), "deviations above 0"),
        ((*ONNX, "--class-names", "cat,dog"), "found 2 class names; the net has 10 classes"),
        ((*ONNX, "--class-names", "names.txt"), "names.txt: no such file"),
        ((*ONNX, "--provider", "tpu"), "unknown provider 'tpu'; expected one of cpu, cuda"),
        ((*ONNX, "--provider", "cuda", "--no-verify"), "--provider says where the verification runs"),
        ((*ONNX, "--weights", "w.safetensors"), "w.safetensors: no such file"),
        ((*ONNX, "--weights", "w.safetensors", "--seed", "1"), "--seed is of an initialization"),
        ((*ONNX, "--class-names", "/dev/null"), "--class-names: no names in /dev/null"),
        ((*ONNX[:4], "-o", "net", *SMALL, "--no-verify"), "net: target 'onnx' writes .onnx files; found suffix ''"),
        ((*ONNX[:4], "-o", "no/folder.onnx", *SMALL, "--no-verify"), "no: no such folder"),
        ((*ONNX, "--channels", "4096", "--no-verify"), "one file of target 'onnx' holds 2.0 GiB at most"),
        (("compile", "zoo:darts-v2", "--to", "tflite", "-o", "net"), "unknown target 'tflite'; expected one of onnx"),
        (
            ("compile", "zoo:darts-v2", "--to", "torch", "-o", "net", "--opset", "18"),
            "target 'torch' has no option opset",
        ),
        (("compile", "zoo:darts-v2", "--to", "pt2", "-o", "net", "--opset", "18"), "target 'pt2' has no option opset"),
        (("verify", "net.onnx"), "net.onnx: no such file"),
        (("verify", "."), ".: is a directory"),
    ],
    ids=lambda value: " ".join(value[1:]) if isinstance(value, tuple) else "",
)
def test_errors_are_one_line(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in error(*arguments)
    assert not list(tmp_path.iterdir())


INT8 = ("--to", "onnx", "--precision", "int8")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    from genocc.exporters import tradeoff

    monkeypatch.setattr(tradeoff, "ROUNDS", 1)
    monkeypatch.setattr(tradeoff, "BUDGET", 0.0)


def test_int8_says_what_it_loses(training_run: Path, tmp_path: Path, quick: None) -> None:
    """A run brings its images: calibrated on some, measured on others."""
    path = tmp_path / "net.onnx"
    options = ("--calibration-images", "20", "--max-drop", "100")
    output = run("compile", training_run, *INT8, *options, "-o", path).stdout
    assert "precision int8; of float32: " in output
    assert " test images of fake; calibrated on 20 others" in output
    assert "relative error of the values at most " in output
    found = json.loads(run("compile", training_run, *INT8, *options, "-o", path, "--no-verify", "--json").stdout)
    accuracies = found["tradeoff"]["accuracies"]
    assert accuracies["calibrated"] == 20
    assert accuracies["float32"] == json.loads(run("evaluate", training_run, "--json").stdout)["top1"]
    assert accuracies["lower"] == json.loads(run("evaluate", path, "--json", "--data", "fake").stdout)["top1"]
    verified = run("verify", path, "--weights", training_run / "best.safetensors").stdout
    assert "same: int8, relative error of the values" in verified
    assert "cell 2" in verified
    assert "is quantized (int8) with opset 18; ONNX reference evaluator has quantized operators from opset 19" in error(
        "verify", path, "--runtime", "reference", "--weights", training_run / "best.safetensors"
    )


def test_a_file_that_loses_too_much_is_not_written(
    training_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    from genocc.exporters.int8 import gate

    real = gate._predictions
    wrong = lambda path, *rest: real(path, *rest) * (path.stem == "float32")  # noqa: E731
    monkeypatch.setattr(gate, "_predictions", wrong)
    monkeypatch.setattr(gate, "MOST_KEPT", 0.1)
    result = run("compile", training_run, *INT8, "-o", tmp_path / "net.onnx", "--max-drop", "0", code=1)
    assert "net.onnx: not written: int8 drops " in result.stderr
    assert "the layers that cost most (relative error of the logits): " in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "--precision int8 needs images, for the ranges of values and for the drop of accuracy: give --calibrate"),
        (("--calibrate", "digits", "--max-drop", "-1"), "--max-drop -1: expected percentage points, 0 to 100"),
        (("--calibrate", "digits", "--optimize", "1"), "--precision int8 needs pass dense-factorized-reduce"),
        (("--calibrate", "fake", "--classes", "7"), "has 7 classes; data set 'fake' has 10"),
    ],
)
def test_int8_that_cannot_be(options: tuple[str, ...], message: str, tmp_path: Path) -> None:
    assert message in error("compile", "zoo:darts-v2", *INT8, "-o", tmp_path / "net.onnx", *SMALL, *options)


def test_images_of_other_classes_are_refused(training_run: Path, cifar_folder: Path, tmp_path: Path) -> None:
    message = error("compile", training_run, *INT8, "--calibrate", cifar_folder, "-o", tmp_path / "net.onnx")
    assert "data set 'imagefolder' calls it 'airplane'" in message


@pytest.mark.skipif(OPENVINO.lacks() is not None, reason=str(OPENVINO.lacks()))
def test_an_xml_file_without_its_weights_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.xml"
    run("compile", "zoo:darts-v2", "--to", "openvino", "-o", path, *SMALL, "--precision", "bfloat16", "--no-verify")
    path.with_suffix(".bin").unlink()
    assert "its weights, net.bin, do not lie beside it" in error("verify", path)
