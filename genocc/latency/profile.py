"""Profiles: what the units of nets cost in a runtime on a machine, as a JSON file that states how it was measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, ValidationError

from genocc.configuration import Part, Rate
from genocc.errors import FileError, TargetError, expectation, quoted
from genocc.files import json_object, read_text, write_atomically
from genocc.latency.model import Costs
from genocc.machine import machine
from genocc.network import SkeletonName
from genocc.runtimes.table import runtime

MAX_BYTES = 1 << 24
"""The largest profile that is read."""

Seconds = Annotated[float, Field(ge=0)]


class UnitCosts(Part):
    """Seconds of the units of a kind.

    Attributes:
        call: Of each.
        byte: Per byte that it reads or writes.
        mac: Per MAC.
    """

    call: Seconds
    byte: Seconds
    mac: Seconds


class Nets(Part):
    """The nets that a profile was measured on.

    Attributes:
        number: How many.
        skeleton: Of all.
        channels: Their C.
        layers: Their numbers of cells.
        input_size: Height and width of the images.
        operations: Those on their edges.
        seed: Of their genotypes.
    """

    number: PositiveInt
    skeleton: SkeletonName
    channels: tuple[PositiveInt, ...]
    layers: tuple[PositiveInt, ...]
    input_size: tuple[PositiveInt, PositiveInt]
    operations: tuple[str, ...]
    seed: int


class Residuals(Part):
    """How a profile predicts its own nets, each by a model that was fitted without it.

    Attributes:
        median_error: Of the relative errors.
        error_90: Their 90th percentile.
        tau: Kendall's tau-b of predicted and measured latency; None where all nets have the same.
        ratio: See `genocc.latency.model`; 0: units lie on the line of their kind.
        condition: Condition number of the equations that the fit solved.
        spread: Median over the nets of the relative difference between the slowest and the fastest round.
    """

    median_error: Rate
    error_90: Rate
    tau: float | None
    ratio: Rate
    condition: Rate
    spread: Rate


class Profile(Part):
    """Content of a profile.

    Attributes:
        format: Of the file.
        genocc: Version that measured.
        runtime: Name in ``genocc runtimes``.
        version: Of the runtime.
        machine: Processor and the number of its cores that could be used.
        threads: Of the runtime.
        batch: Images at a time.
        target: What compiled the nets.
        passes: Of the target.
        time: When it was measured: UTC, ISO 8601.
        seconds: How long that took.
        other_programs: Cores that other programs took meanwhile, on average; None where the system does not say it.
        nets: What it was measured on.
        residuals: How well it predicts.
        kinds: Kind of unit -> its costs.
        deviations: Unit of one kind and shape -> seconds by which it differs from them.
    """

    format: Literal["genocc-latency-1"] = "genocc-latency-1"
    genocc: str
    runtime: str
    version: str
    machine: str
    threads: PositiveInt
    batch: PositiveInt = 1
    target: str
    passes: tuple[str, ...]
    time: str
    seconds: Seconds
    other_programs: float | None
    nets: Nets
    residuals: Residuals
    kinds: dict[str, UnitCosts]
    deviations: dict[str, float]

    @classmethod
    def load(cls, path: str | Path, *, force: bool = False) -> Self:
        """Reads a profile.

        Args:
            path: The file.
            force: Whether one of another machine or runtime is taken.

        Raises:
            FileError: It cannot be read, or is no profile; the message names the field.
            TargetError: It was measured on another machine, in a runtime that is not available here, or in another
                version of it.
        """
        try:
            content = json.loads(read_text(path, limit=MAX_BYTES), object_pairs_hook=json_object)
        except (ValueError, RecursionError) as error:
            raise FileError(f"{path}: is no JSON: {error}; expected a file of genocc profile") from None
        try:
            profile = cls.model_validate(content)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = "$" + "".join(f".{quoted(part).strip(chr(39))}" for part in first["loc"])
            raise FileError(
                f"{path}: {place}: found {quoted(first['input'])}; {expectation(first['msg'])} (a file of genocc "
                "profile is needed)"
            ) from None
        if not force:
            profile.check(str(path))
        return profile

    def check(self, where: str) -> None:
        """Refuses a profile of another machine or runtime; raises TargetError, which names the file."""
        advice = "measure again with genocc profile, or give --force to use it all the same"
        if self.machine != (here := machine()):
            raise TargetError(f"{where}: was measured on {quoted(self.machine, 120)}; this is '{here}': {advice}")
        known = runtime(self.runtime)
        if reason := known.lacks():
            raise TargetError(
                f"{where}: was measured in {known.title}, which is not available here ({reason}): {advice}"
            )
        if self.version != (version := known.version()):
            raise TargetError(
                f"{where}: was measured in {known.title} {self.version[:40]}; installed is {version}: {advice}"
            )

    def dump(self, path: str | Path) -> None:
        """Writes the file, all or nothing; raises FileError."""
        write_atomically(path, self.model_dump_json(indent=1) + "\n")

    @property
    def costs(self) -> Costs:
        """The cost model."""
        kinds = {kind: (costs.call, costs.byte, costs.mac) for kind, costs in self.kinds.items()}
        return Costs(kinds, self.deviations, self.residuals.ratio)
