"""The OpenVINO target: a net.xml and a net.bin, made by OpenVINO's own converter from the ONNX graph."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from genocc.errors import InternalError, TargetError
from genocc.precision import PRECISIONS
from genocc.runtimes.onnx_files import first_line
from genocc.runtimes.openvino import OPENVINO, openvino
from genocc.runtimes.openvino_files import MAX_BYTES, METADATA, WEIGHTS_DIGEST, digest, weights_path
from genocc.targets import CompiledNet
from genocc.verification import Verification

from .deployment import Deployment
from .onnx import OnnxExporter, check, checked_batch
from .onnx_nodes import Array
from .precision import PreciseExporter

if TYPE_CHECKING:
    from .int8.gate import Quantizer


@dataclass(frozen=True)
class OpenVinoExporter(PreciseExporter):
    """Writes .xml files, each with its weights in a .bin file beside it; input and output are those of `OnnxExporter`.

    The same net gives the same bytes with the same OpenVINO.

    Attributes:
        batch: The only number of images that the file takes; None: any.

    Raises:
        TargetError: OpenVINO is not available, or for int8 NNCF.
    """

    name: ClassVar[str] = "openvino"
    suffix: ClassVar[str] = ".xml"
    companions: ClassVar[tuple[str, ...]] = (".bin",)
    passes: ClassVar[tuple[str, ...]] = (
        "remove-dead-code",
        "share-common-subexpressions",
        "fold-batch-norm",
        "relu-before-concat",
    )
    precisions: ClassVar[tuple[str, ...]] = PRECISIONS
    runtime: ClassVar[str] = "openvino"
    checks: ClassVar[tuple[str, ...]] = OnnxExporter.checks
    max_bytes: ClassVar[int] = MAX_BYTES

    batch: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "batch", checked_batch(self.batch))
        if reason := OPENVINO.lacks():
            raise TargetError(reason)
        if self.precision == "int8" and find_spec("nncf") is None:
            raise TargetError("NNCF, which quantizes OpenVINO's nets, is not installed: pip install 'genocc[openvino]'")

    def write(self, net: CompiledNet, path: Path) -> int:
        """Converts the net and writes both files.

        Raises:
            TargetError: An option does not fit the net.
            InternalError: ONNX's checker or the converter refuses what was built.
        """
        if self.precision == "int8":
            return self.quantizer(net, self.calibration(net).images).write(path)
        return self._save(net, self._model(net), path)

    def quantizer(self, net: CompiledNet, images: Array) -> Quantizer:
        from .int8.nncf import NncfQuantizer

        self.check_passes(net)
        return NncfQuantizer(self._model(net), images, lambda model, path: self._save(net, model, path))

    def _model(self, net: CompiledNet) -> Any:
        """OpenVINO's model of the net: with floats in float16 if that is the precision, else in float32."""
        options = {field.name: getattr(self, field.name) for field in fields(Deployment)}
        if self.precision == "float16":
            options |= {"precision": "float16", "half_io": self.half_io}
        source = OnnxExporter(**options, batch=self.batch).model(net)
        del source.metadata_props[:]  # the converter has a place of its own for them
        check(source)
        content = source.SerializeToString(deterministic=True)
        del source
        return _converted(content, net.genotype.name)

    def _save(self, net: CompiledNet, model: Any, path: Path) -> int:
        """Writes a model with what it says about itself, and returns the number of its operators."""
        _number(model)
        for key, text in self.provenance(net).to_metadata().items():
            model.set_rt_info(text, [METADATA, key])
        openvino().save_model(model, path, compress_to_fp16=False)
        weights = weights_path(path).read_bytes()
        model.set_rt_info(digest(weights), [METADATA, WEIGHTS_DIGEST])
        openvino().save_model(model, path, compress_to_fp16=False)
        if weights_path(path).read_bytes() != weights:
            raise InternalError("OpenVINO writes the same weights in two ways")
        return sum(node.get_type_name() not in _NO_OPERATORS for node in model.get_ops())

    def verify(self, net: CompiledNet, path: Path, provider: str) -> Verification:
        """Runs the file in OpenVINO."""
        from .verification import verify

        return verify(path, net=net, provider=provider, where="the new file")


_NO_OPERATORS = ("Parameter", "Constant", "Result")


def _converted(content: bytes, name: str) -> Any:
    """OpenVINO's model of an ONNX file, without what depends on the place and the moment of its conversion."""
    ov = openvino()
    try:
        converted = ov.convert_model(BytesIO(content))
    except Exception as error:  # of any class
        raise InternalError(f"OpenVINO cannot convert the net: {first_line(error)}") from error
    model = ov.Model(converted.get_results(), converted.get_parameters(), name)
    _number(model)
    return model


def _number(model: Any) -> None:
    """Numbers the nodes that have no names of ours anew: OpenVINO counts all that the program has made so far."""
    named = [node for node in model.get_ordered_ops() if re.fullmatch(r"\w+_\d+", node.get_friendly_name())]
    for number, node in enumerate(named):
        node.set_friendly_name(f"{node.get_type_name()}_{number}")
