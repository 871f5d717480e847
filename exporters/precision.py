"""Precision options of targets whose files compute in other types than float32, and what they cost and gain."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar, Self

from numpy.typing import NDArray

from genocc.errors import TargetError
from genocc.passes import PASSES, run_passes, select
from genocc.precision import FLOAT32, PRECISIONS, Tradeoff
from genocc.provenance import Provenance
from genocc.targets import CompiledNet, Exporter, level

from .deployment import Deployment

if TYPE_CHECKING:
    from .int8.calibration import Calibration
    from .int8.gate import Quantizer

Array = NDArray[Any]

CALIBRATION_IMAGES = 300
"""Images that ranges are taken from, as many as NNCF takes by default."""
REQUIRED = (
    "remove-dead-code",
    "share-common-subexpressions",
    "fold-batch-norm",
    "dense-factorized-reduce",
)
"""Passes before a quantizer.

OpenVINO 2026.4 ends the process while it compiles quantized nets with ReLUs that are not shared or BN that is not
folded, and infers wrong shapes for the quantized Slice and Pad of a factorized reduce, which has to be one convolution.
"""
LOW_PASSES = (*REQUIRED[:3], "relu-before-concat", REQUIRED[3])
"""Passes of int8 files."""
MAX_DROP = 0.5
"""The largest drop of top-1 accuracy, in percentage points."""


@dataclass(frozen=True)
class PreciseExporter(Deployment, Exporter):
    """A target with precisions.

    Attributes:
        precision: In which the file computes: one of ``precisions``.
        half_io: Whether a float16 file's input and output are float16 as well.
        calibrate: Images to calibrate int8 on, and to measure its drop on: as for ``--data``, or the folder of a
            training run, whose images are taken.
        calibration_images: Number of training images to calibrate on [300].
        max_drop: The largest drop of top-1 accuracy on the test images, in percentage points [0.5].
        run: Folder of the training run that is compiled, whose division of the images holds for others too.
        precisions: Those that the target has.
        low_passes: Passes of int8 files.
        runtime: Name of the runtime that its files are measured in.

    Raises:
        TargetError: An option is out of range, or does not fit the precision.
    """

    precision: str = FLOAT32
    half_io: bool = False
    calibrate: str | None = None
    calibration_images: int | None = None
    max_drop: float | None = None
    run: str | None = None

    precisions: ClassVar[tuple[str, ...]]
    low_passes: ClassVar[tuple[str, ...]] = LOW_PASSES
    runtime: ClassVar[str]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.precision not in PRECISIONS:
            raise TargetError(f"--precision {self.precision}: expected one of {', '.join(self.precisions)}")
        if self.precision not in self.precisions:
            raise TargetError(f"--precision {self.precision}: target '{self.name}' has {', '.join(self.precisions)}")
        if self.half_io and self.precision != "float16":
            raise TargetError(f"--half-io is for --precision float16; found {self.precision}")
        given = {
            "--calibrate": self.calibrate,
            "--calibration-images": self.calibration_images,
            "--max-drop": self.max_drop,
        }
        if self.precision != "int8":
            if unused := [name for name, value in given.items() if value is not None]:
                raise TargetError(f"{unused[0]} is for --precision int8; found {self.precision}")
            return
        if self.max_drop is not None and not (isfinite(self.max_drop) and 0 <= self.max_drop <= 100):
            raise TargetError(f"--max-drop {self.max_drop:g}: expected percentage points, 0 to 100")
        if self.calibration_images is not None and not 1 <= self.calibration_images <= 1 << 20:
            raise TargetError(f"--calibration-images {self.calibration_images}: expected 1 to {1 << 20:,}")
        if not self.calibrate:
            raise TargetError(
                "--precision int8 needs images, for the ranges of values and for the drop of accuracy: give "
                "--calibrate DATA, or a training run, which has its own"
            )

    @property
    def default_passes(self) -> tuple[str, ...]:
        return self.low_passes if self.precision == "int8" else self.passes

    @property
    def gated(self) -> bool:
        return self.precision == "int8"

    def provenance(self, net: CompiledNet) -> Provenance:
        return replace(super().provenance(net), precision=self.precision, half_io=self.half_io)

    def check_passes(self, net: CompiledNet) -> None:
        """Refuses passes without which quantized nets do not load everywhere; raises TargetError."""
        if missing := [name for name in REQUIRED if name not in {text.partition("(")[0] for text in net.passes}]:
            raise TargetError(
                f"--precision int8 needs pass {missing[0]}, without which the file would not run in every runtime; "
                "leave --optimize and --passes out, or name it"
            )

    @abstractmethod
    def quantizer(self, net: CompiledNet, images: Array) -> Quantizer:
        """Returns what quantizes the net to int8, with the library of the target.

        Args:
            net: After `default_passes`.
            images: (N, C, H, W) to calibrate on, as the file takes them.

        Raises:
            TargetError: A pass is missing.
        """

    def calibration(self, net: CompiledNet) -> Calibration:
        """Returns the images of an int8 file.

        Raises:
            DataError: They cannot be used, or are not those of the net's classes.
        """
        from .int8.calibration import read_calibration

        assert self.calibrate is not None
        count = CALIBRATION_IMAGES if self.calibration_images is None else self.calibration_images
        return read_calibration(self.calibrate, self.provenance(net), count, self.run)

    def float32(self) -> Self:
        """Returns the target with the same options in float32."""
        return replace(
            self, precision=FLOAT32, half_io=False, calibrate=None, calibration_images=None, max_drop=None
        )  # fmt: skip

    def write_measured(self, net: CompiledNet, path: Path, where: str) -> tuple[int, Tradeoff | None]:
        if self.precision == FLOAT32:
            return self.write(net, path), None
        from .int8.gate import quantize_within
        from .tradeoff import measure

        with TemporaryDirectory() as folder:
            reference = Path(folder, f"float32{self.suffix}")
            plain = self.float32()
            plain.write(_with_passes(net, level(plain, 2)), reference)
            if self.precision != "int8":
                operators = self.write(net, path)
                return operators, measure(self.runtime, reference, path, self.precision)
            calibration = self.calibration(net)
            allowed = MAX_DROP if self.max_drop is None else self.max_drop
            done = quantize_within(
                self.quantizer(net, calibration.images), calibration, reference, path, allowed, self.runtime, where
            )
            found = measure(self.runtime, reference, path, self.precision)
            return done.operators, replace(found, accuracies=done.accuracies, kept=done.kept)


def _with_passes(net: CompiledNet, passes: tuple[str, ...]) -> CompiledNet:
    """The same net after other passes."""
    graph, parameters = run_passes(net.logical, net.weights, select(passes, PASSES))  # type: ignore[arg-type]
    return replace(net, graph=graph, parameters=parameters, passes=passes)
