"""Trained nets: what a run folder and the files of other programs say of the images that they take."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch
from onnx import TensorProto, helper

from genocc.errors import FileError, GenoccError, RunError, TargetError
from genocc.nn import target_net
from genocc.runs.reading import RUN_BEST
from genocc.training.trained_net import open_net
from tests.runtimes.onnx_models import model, with_a_loop

Size = int | str


def foreign(path: Path, *, kind: int = TensorProto.FLOAT, batch: Size = "n", size: Size = 6) -> Path:
    """Writes another program's net: the mean of each of three channels, as a class."""
    shapes = ([batch, 3, size, size], [batch, 3])
    image = helper.make_tensor_value_info("image", kind, shapes[0])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, shapes[1])
    nodes = [
        helper.make_node("Cast", ["image"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["x"], ["logits"], axes=[2, 3], keepdims=0),
    ]
    graph = helper.make_graph(nodes, "means", [image], [logits])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_a_run_says_everything_of_its_net(training_run: Path) -> None:
    for path in (training_run, training_run / RUN_BEST):
        net = open_net(path)
        assert (net.where, net.pixels, net.shape, net.batch) == (
            str(training_run / RUN_BEST),
            "normalized",
            (3, 8, 8),
            None,
        )
        assert (net.classes, net.class_names) == (10, tuple(f"colour {n}" for n in range(10)))
        assert net.normalization == ((0.5,) * 3, (0.25,) * 3)
        assert net.weights == "trained weights"
        assert net.runtime.startswith("PyTorch")
        images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            torch.testing.assert_close(net.run(images), target_net.load(training_run / RUN_BEST).eval()(images))


def test_another_programs_floats_need_a_word_and_its_bytes_none(tmp_path: Path) -> None:
    floats = foreign(tmp_path / "floats.onnx")
    with pytest.raises(TargetError, match="does not say what images it takes; say it: --pixels normalized"):
        open_net(floats)
    with pytest.raises(TargetError, match=r"--pixels uint8: .* expected unit or normalized"):
        open_net(floats, pixels="uint8")
    net = open_net(floats, pixels="unit")
    assert (net.pixels, net.shape, net.classes, net.class_names) == ("unit", (3, 6, 6), 3, ())
    assert (net.normalization, net.weights) == (None, "weights of another program")
    images = torch.rand(4, 3, 6, 6)
    torch.testing.assert_close(net.run(images), images.mean((2, 3)))
    assert open_net(foreign(tmp_path / "bytes.onnx", kind=TensorProto.UINT8)).pixels == "uint8"


def test_any_size_stays_any(tmp_path: Path) -> None:
    assert open_net(foreign(tmp_path / "any.onnx", size="side"), pixels="unit").shape == (3, None, None)


def test_a_smaller_batch_is_padded_for_a_net_of_one_batch_size(tmp_path: Path) -> None:
    net = open_net(foreign(tmp_path / "five.onnx", batch=5), pixels="unit")
    assert net.batch == 5
    for count in (1, 3, 5):
        images = torch.rand(count, 3, 6, 6)
        torch.testing.assert_close(net.run(images), images.mean((2, 3)))


def test_what_is_no_classifier_of_images_is_refused(tmp_path: Path) -> None:
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "same", value[:1], value[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "x.onnx")
    with pytest.raises(TargetError, match="not a classifier of images; found x "):
        open_net(tmp_path / "x.onnx", pixels="unit")
    with pytest.raises(TargetError, match=r"takes tensor\(int32\); expected float32 or uint8 images"):
        open_net(foreign(tmp_path / "int.onnx", kind=TensorProto.INT32), pixels="unit")


@pytest.mark.parametrize("sizes", [{"batch": 0}, {"size": 0}])
def test_sizes_of_zero_are_refused(sizes: dict[str, Size], tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="expected no size of 0"):
        open_net(foreign(tmp_path / "a.onnx", **sizes), pixels="unit")


def test_one_output_for_all_images_is_refused(tmp_path: Path) -> None:
    made = onnx.load(foreign(tmp_path / "a.onnx"))
    made.graph.node[-1].output[0] = "means"
    made.graph.node.append(helper.make_node("ReduceMean", ["means"], ["logits"], axes=[0], keepdims=1))
    made.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(made, tmp_path / "a.onnx")
    net = open_net(tmp_path / "a.onnx", pixels="unit")
    assert net.run(torch.rand(1, 3, 6, 6)).shape == (1, 3)
    with pytest.raises(TargetError, match="gives float32 of shape 1x3 for 4 images; expected a row of floats per im"):
        net.run(torch.rand(4, 3, 6, 6))


def test_a_loop_and_weights_elsewhere_are_refused_as_by_verify(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    onnx.save(with_a_loop(), path)
    with pytest.raises(TargetError, match="is a Loop, which may run for ever"):
        open_net(path, pixels="unit")
    made = model()
    made.graph.initializer[0].data_location = TensorProto.EXTERNAL
    path.write_bytes(made.SerializeToString())
    with pytest.raises(TargetError, match="keeps its weights in other files"):
        open_net(path, pixels="unit")


def test_a_path_or_a_word_that_means_nothing_is_refused(training_run: Path, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file or folder; check the path"):
        open_net(tmp_path / "none")
    with pytest.raises(RunError, match="no run in it"):
        open_net(tmp_path)
    with pytest.raises(TargetError, match=r"--pixels: found 'raw'; expected uint8, unit, normalized"):
        open_net(training_run, pixels="raw")
    with pytest.raises(TargetError, match=r"--pixels: is for .onnx and .xml files"):
        open_net(training_run, pixels="unit")
    (tmp_path / "notes.txt").write_text("a")
    with pytest.raises(GenoccError, match="not a safetensors file"):
        open_net(tmp_path / "notes.txt")
