"""Verification of ONNX files: what is right passes, what is wrong does not, and what cannot be told is an error."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

import genocc
from genocc import Genotype, NetworkConfig, weights
from genocc.errors import NetworkError, TargetError, WeightsError
from genocc.exporters.comparison import BATCHES
from genocc.exporters.verification import verify
from genocc.runtimes.files import open_file
from genocc.runtimes.onnx_reference import RUNTIME as REFERENCE
from genocc.runtimes.onnx_runtime import ONNX_RUNTIME
from genocc.runtimes.openvino import OPENVINO
from genocc.runtimes.table import chosen
from tests.reference import random_parameters

needs_openvino = pytest.mark.skipif(OPENVINO.lacks() is not None, reason=str(OPENVINO.lacks()))

SMALL = NetworkConfig(channels=4, layers=3, input_size=(17, 16))


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file whose weights come from a seed."""
    path = tmp_path_factory.mktemp("onnx") / "untrained.onnx"
    genocc.compile(genocc.load("zoo:darts-v2"), SMALL, to="onnx", output=path, seed=5, verify=False)
    return path


@pytest.fixture(scope="module")
def arrays() -> dict[str, Any]:
    """Weights as training leaves them, BN statistics included."""
    graph = genocc.lower(genocc.load("zoo:darts-v2"), SMALL)
    return {name: array.astype(np.float32) for name, array in random_parameters(graph).items()}


def changed(source: Path, folder: Path, change: Callable[[onnx.ModelProto], None]) -> Path:
    """A copy of a file after a change."""
    model = onnx.load(source)
    change(model)
    path = folder / "changed.onnx"
    onnx.save(model, path)
    return path


def test_an_untrained_file_is_verified_from_its_seed(untrained: Path) -> None:
    found = verify(untrained)
    assert found.ok
    assert found.max_abs < 1e-6
    assert found.max_rel < 1e-5
    assert found.top1_agreement == 1
    assert found.provider == "CPUExecutionProvider"
    assert found.weights == "untrained weights, seed 5"
    runs = [(comparison.runtime, comparison.batch) for comparison in found.comparisons]
    assert runs == [(runtime, batch) for batch in (1, 2, 7) for runtime in (ONNX_RUNTIME.title, REFERENCE)]


def test_the_reference_evaluator_runs_where_it_is_asked_to(untrained: Path) -> None:
    found = verify(untrained, batches=(3,), reference_batches=(2, 4))
    runs = [(comparison.runtime, comparison.batch) for comparison in found.comparisons]
    assert runs == [(ONNX_RUNTIME.title, 3), (REFERENCE, 2), (REFERENCE, 4)]
    assert found.ok


def _initializer(model: onnx.ModelProto, number: int) -> onnx.TensorProto:
    tensors = [tensor for tensor in model.graph.initializer if tensor.name.endswith(".weight")]
    return tensors[number]


@pytest.mark.parametrize("number", [0, 20, -1], ids=["stem", "cell", "classifier"])
def test_a_changed_weight_is_found(number: int, untrained: Path, tmp_path: Path) -> None:
    def change(model: onnx.ModelProto) -> None:
        tensor = _initializer(model, number)
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(1.5), tensor.name))

    found = verify(changed(untrained, tmp_path, change))
    assert not found.ok
    assert 1e-4 < found.max_rel < 1


def test_the_bias_of_deep_untrained_nets_hides_nothing(darts_v2: Genotype, tmp_path: Path) -> None:
    """At 14 cells the logits are nearly the bias; a wrong weight of the stem must still be seen."""
    path = tmp_path / "deep.onnx"
    config = NetworkConfig(channels=4, layers=14, input_size=(8, 8))
    genocc.compile(darts_v2, config, to="onnx", output=path, verify=False)

    def change(model: onnx.ModelProto) -> None:
        tensor = _initializer(model, 0)
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(1.01), tensor.name))

    assert verify(path, batches=(2,), reference_batches=()).ok
    found = verify(changed(path, tmp_path, change), batches=(2,), reference_batches=(2,))
    assert found.max_abs < 1e-5  # of logits around 0.1: within the tolerance
    assert all(comparison.max_rel > 1e-3 for comparison in found.comparisons)


def test_an_output_that_is_no_number_is_no_small_error(untrained: Path, tmp_path: Path) -> None:
    def change(model: onnx.ModelProto) -> None:
        tensor = _initializer(model, -1)
        tensor.CopyFrom(numpy_helper.from_array(np.full(tensor.dims, np.nan, np.float32), tensor.name))

    found = verify(changed(untrained, tmp_path, change))
    assert not found.ok
    assert found.max_abs == math.inf
    assert found.to_dict()["max_rel"] is None


def test_trained_files_need_their_weights(arrays: dict[str, Any], darts_v2: Genotype, tmp_path: Path) -> None:
    path, file = tmp_path / "trained.onnx", tmp_path / "trained.safetensors"
    weights.save(arrays, file)
    compiled = genocc.compile(darts_v2, SMALL, to="onnx", output=path, weights=file)
    assert compiled.verification
    assert compiled.verification.ok
    with pytest.raises(TargetError, match=r"trained\.onnx: was compiled from given weights.*--weights"):
        verify(path)
    assert verify(path, weights=file).ok
    assert verify(path, weights=arrays).ok
    other = dict(arrays) | {"stem.conv.weight": arrays["stem.conv.weight"] * 2}
    assert not verify(path, weights=other).ok
    weights.save({"stem.conv.weight": arrays["stem.conv.weight"]}, file)
    with pytest.raises(WeightsError, match=r"trained\.safetensors: tensor 'stem\.bn\.weight' .* is missing"):
        verify(path, weights=file)


def test_a_configured_auxiliary_head_changes_nothing(darts_v2: Genotype, tmp_path: Path) -> None:
    config = NetworkConfig(channels=4, layers=3, auxiliary=True)
    assert genocc.compile(darts_v2, config, to="onnx", output=tmp_path / "net.onnx").verification.ok  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "options",
    [
        {"normalize": ((0.4, 0.5, 0.6), (0.2, 0.25, 0.3))},
        {"uint8_input": True},
        {"softmax": True},
        {"uint8_input": True, "normalize": ((0.4, 0.5, 0.6), (0.2, 0.25, 0.3)), "softmax": True},
    ],
    ids=lambda options: "+".join(options),
)
def test_files_with_options_are_verified(
    options: dict[str, Any], arrays: dict[str, Any], darts_v2: Genotype, tmp_path: Path
) -> None:
    path = tmp_path / "net.onnx"
    compiled = genocc.compile(darts_v2, SMALL, to="onnx", output=path, weights=arrays, **options)
    assert compiled.verification
    assert compiled.verification.ok
    found = verify(path, weights=arrays)
    assert found.ok
    assert [c.max_rel for c in found.comparisons if c.runtime == ONNX_RUNTIME.title] == pytest.approx(
        [c.max_rel for c in compiled.verification.comparisons], abs=1e-6
    )


def test_another_normalization_is_found(arrays: dict[str, Any], darts_v2: Genotype, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    options = {"normalize": ((0.4, 0.5, 0.6), (0.2, 0.25, 0.3))}
    genocc.compile(darts_v2, SMALL, to="onnx", output=path, weights=arrays, verify=False, **options)

    def change(model: onnx.ModelProto) -> None:
        (entry,) = (entry for entry in model.metadata_props if entry.key == "mean")
        entry.value = "[0.5, 0.5, 0.5]"

    assert not verify(changed(path, tmp_path, change), weights=arrays).ok


def _without_metadata(model: onnx.ModelProto) -> None:
    del model.metadata_props[:]


def _huge(model: onnx.ModelProto) -> None:
    """As the file of another program, or of an older version, which does not say how its net is wired."""
    texts = {entry.key: entry.value for entry in model.metadata_props if entry.key != "wiring"}
    texts["network"] = '{"channels": 4096, "layers": 500, "input_size": [17, 16]}'
    onnx.helper.set_model_props(model, texts)


def _other_layers(model: onnx.ModelProto) -> None:
    (entry,) = (entry for entry in model.metadata_props if entry.key == "network")
    network = json.loads(entry.value)
    entry.value = json.dumps({**network, "layers": network["layers"] + 1})


def _broken_genotype(model: onnx.ModelProto) -> None:
    (entry,) = (entry for entry in model.metadata_props if entry.key == "genotype")
    entry.value = entry.value.replace("sep_conv_3x3", "sep_conv_9x9")


def _broken_network(model: onnx.ModelProto) -> None:
    (entry,) = (entry for entry in model.metadata_props if entry.key == "network")
    entry.value = "[1, 2"


def _other_classes(model: onnx.ModelProto) -> None:
    (entry,) = (entry for entry in model.metadata_props if entry.key == "network")
    entry.value = '{"channels": 4, "layers": 3, "input_size": [17, 16], "classes": 11}'


def _unknown_operator(model: onnx.ModelProto) -> None:
    model.graph.node[3].op_type = "Nonsense"


def _no_classifier(model: onnx.ModelProto) -> None:
    model.graph.node.add(op_type="Identity", input=["logits"], output=["same"])


def _external(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without_metadata, "no genotype in its metadata; expected a file that `genocc compile` wrote"),
        (_huge, "damaged metadata: it describes a net that is larger than any file of genocc"),
        (_other_layers, "damaged metadata: wiring: found '.+'; the net beside it has"),
        (_broken_genotype, "damaged metadata.*unknown operation 'sep_conv_9x9'"),
        (_broken_network, "damaged metadata"),
        (_other_classes, "contradicts its metadata: they say classes: 11, its graph has 10; was it changed"),
        (_unknown_operator, "ONNX Runtime .* cannot load it: .*Nonsense"),
        (_no_classifier, "does not end in a classifier with a bias"),
    ],
)
def test_damaged_files_are_refused(
    change: Callable[[onnx.ModelProto], None], message: str, untrained: Path, tmp_path: Path
) -> None:
    with pytest.raises(TargetError, match=message):
        verify(changed(untrained, tmp_path, change))


def test_weights_in_other_files_are_refused(untrained: Path, tmp_path: Path) -> None:
    model = onnx.load(untrained)
    _external(model)
    path = tmp_path / "external.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(TargetError, match="keeps its weights in other files"):
        verify(path)


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x08\x12\x06genocc"])
def test_what_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "nothing.onnx"
    path.write_bytes(content)
    with pytest.raises(TargetError, match=r"nothing\.onnx: (not an ONNX file|no genotype in its metadata)"):
        verify(path)


def test_providers_that_cannot_be_had_are_errors(untrained: Path) -> None:
    with pytest.raises(TargetError, match="unknown provider 'tpu'; expected one of cpu, cuda"):
        verify(untrained, provider="tpu")


def test_a_provider_that_this_machine_lacks_is_no_fallback(untrained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(TargetError, match="built without CUDAExecutionProvider"):
        verify(untrained, provider="cuda")


def test_cuda_runs_on_cuda_or_not_at_all(untrained: Path) -> None:
    """Whatever machine this is: never the CPU when CUDA was asked for."""
    try:
        used = verify(untrained, provider="cuda", reference_batches=()).provider
    except TargetError as error:
        used = str(error)
    assert used == "CUDAExecutionProvider" or used.startswith("provider cuda: ")


@pytest.mark.parametrize("batches", [(), (0,), (1, -2)])
def test_batches_start_at_one(batches: tuple[int, ...], untrained: Path) -> None:
    with pytest.raises(TargetError, match="batch sizes"):
        verify(untrained, batches=batches, reference_batches=())


def test_the_defaults_are_those_of_the_design() -> None:
    assert BATCHES == (1, 2, 7)


@pytest.mark.parametrize("target", ["onnx", pytest.param("openvino", marks=needs_openvino)])
def test_a_file_of_one_batch_size_is_verified_at_all(target: str, darts_v2: Genotype, tmp_path: Path) -> None:
    path = tmp_path / {"onnx": "net.onnx", "openvino": "net.xml"}[target]
    compiled = genocc.compile(darts_v2, SMALL, to=target, output=path, batch=3)
    assert compiled.verification
    assert compiled.verification.ok
    for runtime in chosen(open_file(path), ["all"], "cpu"):
        loaded = runtime.load(open_file(path))
        assert loaded.batch == 3
        if runtime.name != "reference":  # which looks at no size
            with pytest.raises(TargetError, match="cannot run it"):
                loaded.infer(np.zeros((2, 3, 17, 16), np.float32))
    found = verify(path, runtimes=["all"], batches=(1, 3, 7))
    assert found.ok
    assert {comparison.batch for comparison in found.comparisons} == {1, 3, 7}


def test_a_batch_that_needs_too_much_memory_is_refused(darts_v2: Genotype, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    with pytest.raises(
        NetworkError, match=r"65,536 images of 3x64x64 need .* choose a smaller --batch, or --no-verify"
    ):
        genocc.compile(
            darts_v2, NetworkConfig(channels=4, layers=3, input_size=(64, 64)), to="onnx", output=path, batch=1 << 16
        )
    assert not path.exists()
