"""The OpenVINO target: a net.xml and a net.bin, made by OpenVINO's own converter from the ONNX graph."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

from genocc.compiler import CompiledNet, Exporter
from genocc.errors import InternalError, TargetError
from genocc.runtimes.onnx_files import first_line
from genocc.runtimes.openvino import OPENVINO, openvino
from genocc.runtimes.openvino_files import MAX_BYTES, METADATA, WEIGHTS_DIGEST, digest, weights_path
from genocc.verification import Verification

from .deployment import Deployment
from .onnx import OnnxExporter, check, check_batch


@dataclass(frozen=True)
class OpenVinoExporter(Deployment, Exporter):
    """Writes .xml files, each with its weights in a .bin file beside it; input and output are those of `OnnxExporter`.

    The same net gives the same bytes with the same OpenVINO.

    Attributes:
        batch: The only number of images that the file takes; None: any.

    Raises:
        TargetError: OpenVINO is not available.
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
    checks: ClassVar[tuple[str, ...]] = OnnxExporter.checks
    max_bytes: ClassVar[int] = MAX_BYTES

    batch: int | None = None

    def __post_init__(self) -> None:
        check_batch(self.batch)
        if reason := OPENVINO.lacks():
            raise TargetError(reason)

    def write(self, net: CompiledNet, path: Path) -> int:
        """Converts the net and writes both files.

        Raises:
            TargetError: An option does not fit the net.
            InternalError: ONNX's checker or the converter refuses what was built.
        """
        options = {field.name: getattr(self, field.name) for field in fields(Deployment)}
        source = OnnxExporter(**options, batch=self.batch).model(net)
        del source.metadata_props[:]  # the converter has a place of its own for them
        check(source)
        content = source.SerializeToString(deterministic=True)
        del source
        model = _converted(content, net.genotype.name)
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
    named = [node for node in model.get_ordered_ops() if re.fullmatch(r"\w+_\d+", node.get_friendly_name())]
    for number, node in enumerate(named):  # its own numbers count all nodes that the program has made so far
        node.set_friendly_name(f"{node.get_type_name()}_{number}")
    return model
