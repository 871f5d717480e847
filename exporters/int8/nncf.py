"""Int8 of OpenVINO files: NNCF's post-training quantization, in a process of its own.

NNCF takes seconds to import, prints, and makes OpenVINO cores of its own, of which a process must have one (see
`genocc.runtimes.openvino.core`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genocc.errors import TargetError
from genocc.runtimes.openvino import core, openvino

from ..depth import relative_error

Array = NDArray[Any]

LAYERS = ("Convolution", "GroupConvolution", "MatMul")
_NET, _INT8, _IMAGES, _KEPT = "net.xml", "int8.xml", "images.npy", "kept.json"
_CONVERTED = "/WithoutBiases"
"""What OpenVINO's converter adds to the name of a convolution whose bias becomes a node of its own."""


class NncfQuantizer:
    """A `Quantizer`.

    Args:
        model: The float32 model; BN has to be folded.
        images: To calibrate on.
        save: Writes a model to a path and returns the number of its operators.
    """

    def __init__(self, model: Any, images: Array, save: Callable[[Any, Path], int]) -> None:
        self.model, self.images, self.save = model, images, save
        self._nodes = {_layer(node): node for node in model.get_ordered_ops() if node.get_type_name() in LAYERS}
        self._whole: Any = None

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(self._nodes)

    def write(self, path: Path, kept: Collection[str] = ()) -> int:
        made = quantized(self.model, self.images, [self._nodes[name].get_friendly_name() for name in kept])
        if not kept:
            self._whole = made.clone()
        return self.save(made, path)

    def costs(self, images: Array) -> Mapping[str, float]:
        whole = self._whole or quantized(self.model, self.images)
        others = {_layer(node): node for node in whole.get_ordered_ops() if node.get_type_name() in LAYERS}
        expected = _run(self.model, images)
        return {
            layer: relative_error(_run(_alone(self.model, layer, others[layer]), images), expected)
            for layer in self.layers
        }


def quantized(model: Any, images: Array, kept: Collection[str] = ()) -> Any:
    """Returns a model in int8: activations with one symmetric scale per tensor, weights with one per output channel.

    Weights are whole numbers from -64 to 64 (`exporters.int8`).

    Args:
        model: In float32.
        images: To calibrate on: ranges are the smallest and the largest value of each activation.
        kept: Friendly names of layers that stay in float.

    Raises:
        TargetError: NNCF refuses it.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        openvino().save_model(model, folder / _NET, compress_to_fp16=False)
        np.save(folder / _IMAGES, images)
        (folder / _KEPT).write_text(json.dumps(list(kept)), "utf-8")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-m", __name__, name]
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            said = done.stderr.strip().splitlines() or [f"its process ended with {done.returncode}"]
            raise TargetError(f"NNCF cannot quantize the net: {said[-1][:200]}")
        return core().read_model((folder / _INT8).read_bytes(), (folder / _INT8).with_suffix(".bin").read_bytes())


def main(folder: Path) -> None:
    """Quantizes the net of a folder into another file of it."""
    package = openvino()  # which hides what would report
    import nncf

    model = package.Core().read_model(folder / _NET)
    size = model.inputs[0].get_partial_shape()[0]
    images = np.load(folder / _IMAGES, allow_pickle=False)
    batch = size.get_length() if size.is_static else 1
    parts = [images[start : start + batch] for start in range(0, len(images) - batch + 1, batch)]
    parts = parts or [np.resize(images, (batch, *images.shape[1:]))]
    kept = nncf.IgnoredScope(names=json.loads((folder / _KEPT).read_text("utf-8")))
    # Not NNCF's mean over images of the extremes: what it cuts off made eight times the error on a trained net.
    ranges = nncf.AdvancedQuantizationParameters(
        overflow_fix=nncf.OverflowFix.ENABLE,
        activations_range_estimator_params=nncf.quantization.range_estimator.RangeEstimatorParametersSet.MINMAX,
    )
    made = nncf.quantize(
        model, nncf.Dataset(parts), subset_size=len(parts), ignored_scope=kept, advanced_parameters=ranges
    )
    package.save_model(made, folder / _INT8, compress_to_fp16=False)


def _layer(node: Any) -> str:
    return str(node.get_friendly_name()).removesuffix(_CONVERTED)


def _alone(model: Any, layer: str, quantized: Any) -> Any:
    """A float model in which one layer has the quantized input and weights that it has in another model."""
    opset = openvino().opset13
    made = model.clone()
    (node,) = (one for one in made.get_ordered_ops() if one.get_type_name() in LAYERS and _layer(one) == layer)
    source = quantized.input_value(0).get_node()
    if source.get_type_name() == "FakeQuantize":
        limits = [opset.constant(_constant(source.input_value(number))) for number in range(1, 5)]
        levels = source.get_attributes()["levels"]
        node.input(0).replace_source_output(opset.fake_quantize(node.input_value(0), *limits, levels).output(0))
    node.input(1).replace_source_output(opset.constant(_constant(quantized.input_value(1))).output(0))
    made.validate_nodes_and_infer_types()
    return made


def _constant(output: Any) -> Array:
    """The value of what depends on constants alone."""
    node = output.get_node()
    if node.get_type_name() == "Constant":
        return np.asarray(node.get_data())
    values = core().compile_model(openvino().Model([output], [], "constant"), "CPU")({})
    return np.array(next(iter(values.values())))


def _run(model: Any, images: Array) -> Array:
    package = openvino()
    compiled = core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": package.Type.f32})
    size = model.inputs[0].get_partial_shape()[0]
    batch = size.get_length() if size.is_static else len(images)
    parts = [compiled([images[start : start + batch]])[0] for start in range(0, len(images) - batch + 1, batch)]
    return np.concatenate(parts)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
