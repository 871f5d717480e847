"""`genocc evaluate`: a trained net counts as right as often whatever file holds it and whatever that file takes."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner, Result

import genocc
from genocc.cli import app
from genocc.data import DataRequest, load
from genocc.nn.target_net import load as load_net
from genocc.runs.reading import read_history
from genocc.training.training import run_training
from tests.training.tiny import GENOTYPE, tiny


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)


def figures(*arguments: object) -> dict[str, object]:
    result = invoke("evaluate", *arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads(result.stdout)
    return found


def error(*arguments: object) -> str:
    result = invoke("evaluate", *arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("genocc: error: ")
    return line


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A net that has learned the colours of the fake images, whose mean and deviation are far from 0 and 1."""
    folder = tmp_path_factory.mktemp("evaluate") / "run"
    config = tiny("data.training=1", "schedule.epochs=2", "schedule.batch_size=25", "regularization.drop_path=0")
    run_training(GENOTYPE, config, folder, device="cpu")
    return folder


@pytest.fixture(scope="module")
def files(run: Path) -> dict[str, Path]:
    """The same net in every kind of file."""
    options = {
        "plain.onnx": (),
        "unit.onnx": ("--normalize", "run"),
        "uint8.onnx": ("--uint8-input",),
        "softmax.onnx": ("--softmax",),
    }
    for name, extra in options.items():
        compiled = invoke("compile", run, "--to", "onnx", "-o", run.parent / name, "--no-verify", *extra)
        assert compiled.exit_code == 0, compiled.output
    found = {name: run.parent / name for name in options}
    return {"run": run, "safetensors": run / "best.safetensors", **found}


def by_hand(run: Path) -> tuple[float, float]:
    """Top-1 and top-5 of the best weights, in numpy but for the net."""
    data = load(DataRequest("fake", size=8))
    pixels = data.test.start(torch.arange(len(data.test)), 0, False, None)().numpy()
    images = ((pixels / 255 - np.array(data.mean)) / np.array(data.std)).transpose(0, 3, 1, 2)
    net = load_net(run / "best.safetensors").eval()
    with torch.inference_mode():
        logits = net(torch.from_numpy(images.astype(np.float32)))
    assert isinstance(logits, torch.Tensor)
    order = np.argsort(-logits.numpy(), axis=1)
    hits = order == data.test.labels.numpy()[:, None]
    return float(hits[:, 0].mean()), float(hits[:, :5].any(1).mean())


def test_every_file_of_a_net_has_its_accuracy(run: Path, files: dict[str, Path]) -> None:
    top1, top5 = by_hand(run)
    assert top1 > 0.5  # chance is 0.1: an image that is not fed as the file expects it cannot pass here
    for name, path in files.items():
        found = figures(path, "--data", "fake", "--batch", 64)
        assert found["images"] == 1000, name
        assert found["top1"] == pytest.approx(top1, abs=0.002), name  # a tie or two by rounding
        assert found["top5"] == pytest.approx(top5, abs=0.002), name
        assert str(found["runtime"]).startswith("ONNX Runtime" if path.suffix == ".onnx" else "PyTorch"), name
        assert found["provider"] == ("CPUExecutionProvider" if path.suffix == ".onnx" else "cpu"), name
        assert found["images_per_second"] == pytest.approx(1000 / found["seconds"])  # type: ignore[operator]
        assert found["weights"] == "trained weights"


def test_a_run_is_measured_on_its_own_images_and_agrees_with_its_history(run: Path) -> None:
    best = max(read_history(run), key=lambda line: float(line["average"]["top1"]))
    found = figures(run)
    assert found["data"] == "fake"
    assert found["top1"] == pytest.approx(best["average"]["top1"], abs=0.002)


def test_images_are_normalised_as_in_the_training_whatever_the_data_set_says(run: Path, tmp_path: Path) -> None:
    """The same images as a folder, whose mean and deviation are ImageNet's: the net's own count."""
    data = load(DataRequest("fake", size=8))
    chosen = torch.arange(0, 200)
    pixels = data.test.start(chosen, 0, False, None)().numpy()
    for part in ("train", "test"):
        for number, (image, label) in enumerate(zip(pixels, data.test.labels[chosen].tolist(), strict=True)):
            path = tmp_path / part / data.classes[label] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    first = data.test.subset(chosen)
    net = load_net(run / "best.safetensors").eval()
    images = (pixels / 255 - np.array(data.mean)) / np.array(data.std)
    with torch.inference_mode():
        logits = net(torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32)))
    assert isinstance(logits, torch.Tensor)
    expected = (logits.argmax(1) == first.labels).float().mean().item()
    assert figures(run, "--data", f"imagefolder:{tmp_path}")["top1"] == pytest.approx(expected, abs=0.006)


def test_a_limit_takes_images_evenly(run: Path) -> None:
    found = figures(run, "--limit", 10)
    assert found["images"] == 10
    assert figures(run, "--limit", 5000)["images"] == 1000
    assert figures(run, "--limit", 1)["images"] == 1


def test_the_line_is_for_people(run: Path, files: dict[str, Path]) -> None:
    result = invoke("evaluate", files["plain.onnx"], "--data", "fake", "--limit", 100)
    assert result.stdout.startswith(f"{files['plain.onnx']} on fake: top-1 ")
    assert "top-5" in result.stdout
    assert "100 test images" in result.stdout
    assert "ONNX Runtime" in result.stderr
    assert "trained weights" in result.stderr


def stripped(source: Path, target: Path, batch: int | None = None) -> Path:
    """The file as another program would have written it: without metadata, for one batch size perhaps."""
    model = onnx.load(source)
    del model.metadata_props[:]
    if batch:
        del model.graph.value_info[:]
        for value in (*model.graph.input, *model.graph.output):
            value.type.tensor_type.shape.dim[0].dim_value = batch
    onnx.save(model, target)
    return target


def test_another_programs_file_needs_a_word_about_its_pixels(run: Path, files: dict[str, Path], tmp_path: Path) -> None:
    top1, _ = by_hand(run)
    for name, pixels in (("plain", "normalized"), ("unit", "unit"), ("uint8", None)):
        path = stripped(files[f"{name}.onnx"], tmp_path / f"{name}.onnx")
        if pixels:
            assert "does not say what images it takes" in error(path, "--data", "fake")
        found = figures(path, "--data", "fake", *(("--pixels", pixels) if pixels else ()))
        assert found["top1"] == pytest.approx(top1, abs=0.002)
        assert found["weights"] == "weights of another program"
    assert "expected uint8" in error(tmp_path / "uint8.onnx", "--data", "fake", "--pixels", "unit")
    assert "expected unit or normalized" in error(tmp_path / "unit.onnx", "--data", "fake", "--pixels", "uint8")


def test_a_file_of_one_batch_size_is_given_that(run: Path, files: dict[str, Path], tmp_path: Path) -> None:
    path = stripped(files["uint8.onnx"], tmp_path / "seven.onnx", batch=7)
    found = figures(path, "--data", "fake", "--limit", 100)
    assert (found["images"], found["top1"]) == (100, pytest.approx(figures(run, "--limit", 100)["top1"], abs=0.011))
    assert "takes 7 at a time" in error(path, "--data", "fake", "--batch", 8)


@pytest.mark.parametrize("classes", [5, 20])
def test_a_number_of_classes_that_shows_only_when_it_runs_is_refused(classes: int, tmp_path: Path) -> None:
    nodes = [
        onnx.helper.make_node("ReduceMean", ["image"], ["mean"], keepdims=0),
        onnx.helper.make_node("Expand", ["mean", "shape"], ["logits"]),
    ]
    unknown = onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, None)
    branch = onnx.helper.make_graph(nodes, "branch", [], [unknown])
    batch = ["batch", "classes"]
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("Shape", ["image"], ["sizes"], end=1),
            onnx.helper.make_node("Concat", ["sizes", "classes"], ["shape"], axis=0),
            onnx.helper.make_node("ReduceMax", ["image"], ["most"], keepdims=0),
            onnx.helper.make_node("IsNaN", ["most"], ["which"]),
            onnx.helper.make_node("If", ["which"], ["output"], then_branch=branch, else_branch=branch),
        ],
        "net",
        [onnx.helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, ["batch", 3, 8, 8])],
        [onnx.helper.make_tensor_value_info("output", onnx.TensorProto.FLOAT, batch)],
        [onnx.numpy_helper.from_array(np.array([classes]), "classes")],
    )
    made = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(made, tmp_path / "net.onnx")
    said = error(tmp_path / "net.onnx", "--data", "fake", "--pixels", "unit")
    assert f"gives {classes} classes; data set 'fake' has 10" in said


def test_outputs_that_are_not_finite_are_no_accuracy_of_zero(tmp_path: Path) -> None:
    config = genocc.NetworkConfig(channels=4, layers=3, input_size=(8, 8))
    genocc.compile(GENOTYPE, config, to="onnx", output=tmp_path / "net.onnx", verify=False)
    made = onnx.load(tmp_path / "net.onnx")
    bias = next(one for one in made.graph.initializer if list(one.dims) == [10])
    bias.CopyFrom(onnx.numpy_helper.from_array(np.full(10, np.nan, np.float32), bias.name))
    onnx.save(made, tmp_path / "net.onnx")
    assert "net.onnx: gives outputs that are not finite" in error(tmp_path / "net.onnx", "--data", "fake")


def test_images_have_the_height_and_width_that_the_net_takes(tmp_path: Path) -> None:
    wide = tmp_path / "wide.safetensors"
    genocc.compile(GENOTYPE, genocc.NetworkConfig(channels=4, layers=3, input_size=(8, 16)), to="torch", output=wide)
    assert figures(wide, "--data", "fake", "--limit", 20)["images"] == 20


def test_a_net_and_images_that_do_not_belong_together_are_refused(files: dict[str, Path], tmp_path: Path) -> None:
    assert "calls class 0 'colour 0'; data set 'digits' calls it '0'" in error(files["run"], "--data", "digits")
    for name in ("cat", "dog"):
        for number in range(10):
            (tmp_path / "pets" / name).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / "pets" / name / f"{number}.png")
    assert "has 10 classes; data set 'imagefolder' has 2" in error(files["plain.onnx"], "--data", tmp_path / "pets")
    grey = tmp_path / "grey.safetensors"
    network = genocc.NetworkConfig(channels=4, layers=3, input_size=(8, 8), input_channels=1)
    genocc.compile(GENOTYPE, network, to="torch", output=grey)
    assert "takes images of 1x8x8 (channels, height, width); those of data set 'fake' are 3x8x8" in error(
        grey, "--data", "fake"
    )


def test_a_wrong_request_is_one_line(files: dict[str, Path], tmp_path: Path) -> None:
    net = files["plain.onnx"]
    assert "no such file or folder" in error(tmp_path / "none.onnx", "--data", "fake")
    assert "--data is missing" in error(net)
    assert "there is neither a data set nor a folder 'fakes'; did you mean 'fake'?" in error(net, "--data", "fakes")
    assert "such as --data cifar10" in error(net)
    assert "--limit: found 0; expected a whole number, 1 or more" in error(net, "--data", "fake", "--limit", 0)
    assert "--split-seed: found -1; expected a whole number, 0 or more" in error(
        net, "--data", "fake", "--split-seed", -1
    )
    assert "--batch: found 0; expected a whole number, 1 or more" in error(net, "--data", "fake", "--batch", 0)
    assert "says itself what it takes" in error(net, "--data", "fake", "--pixels", "unit")
    assert "--pixels: found 'raw'" in error(net, "--data", "fake", "--pixels", "raw")
    assert "is for .onnx and .xml files" in error(files["safetensors"], "--data", "fake", "--pixels", "unit")
    assert "unknown provider 'tpu'" in error(net, "--data", "fake", "--provider", "tpu")
    assert "unknown provider 'tpu'" in error(files["safetensors"], "--data", "fake", "--provider", "tpu")
    (tmp_path / "broken.onnx").write_bytes(b"no file of this kind")
    assert "not an ONNX file, or a damaged one" in error(tmp_path / "broken.onnx", "--data", "fake")
    (tmp_path / "notes.txt").write_text("a")
    assert "not a safetensors file" in error(tmp_path / "notes.txt", "--data", "fake")
    assert "no run in it" in error(tmp_path, "--data", "fake")
