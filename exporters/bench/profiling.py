"""Profiling: whole small nets are compiled and timed, and what their units cost is fitted to their latencies."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from genocc.compiler import compile
from genocc.errors import TargetError
from genocc.latency.designs import Net, design
from genocc.latency.model import errors, fit
from genocc.latency.prediction import compiled_units
from genocc.latency.profile import Nets, Profile, Residuals, UnitCosts
from genocc.lowering import lower
from genocc.machine import cores, machine
from genocc.network import NetworkConfig
from genocc.operations import NONE, get
from genocc.results.correlation import correlate
from genocc.runtimes.base import Runtime
from genocc.runtimes.files import open_file
from genocc.runtimes.table import runtime as runtime_of
from genocc.search_spaces import search_space
from genocc.targets import Exporter, exporter, exporters
from genocc.threads import OtherPrograms
from genocc.version import __version__

from ..timing import samples

LEAST, MOST = 24, 2_000
"""Numbers of nets that a profile may be measured on."""
LAYERS = (5, 8)
"""Of the nets: each stage has cells of both kinds, and cells behind cells of either."""
CHANNELS = 16
"""C of half the nets, beside the skeleton's default."""

BUSY = 0.1
"""Cores that other programs may take before latencies say little."""

Measure = Callable[[Sequence[Net]], list[list[float]]]
"""Nets -> seconds of each net in each round."""
Note = Callable[[str], None]


def profile(
    runtime: str = "onnxruntime",
    *,
    skeleton: str = "cifar",
    channels: Sequence[int] = (),
    layers: Sequence[int] = LAYERS,
    input_size: tuple[int, int] | None = None,
    space: str = "darts",
    operations: Sequence[str] = (),
    number: int = 96,
    rounds: int = 3,
    threads: int | None = None,
    seed: int = 0,
    measure: Measure | None = None,
    note: Note = lambda message: None,
) -> Profile:
    """Measures what the units of nets cost in a runtime on this machine, at batch 1.

    Args:
        runtime: Name of a runtime, whose files one of the targets writes.
        skeleton: Of the nets.
        channels: Their C: 16 and the skeleton's default where not given. Latencies between these are interpolated.
        layers: Their numbers of cells; L and C of a net that is predicted may be others.
        input_size: Height and width of the images; the skeleton's default where not given.
        space: Search space of the operations on edges.
        operations: Further operations.
        number: How many nets.
        rounds: How often each is loaded and timed, in turn; its fastest round counts, since all that disturbs a round
            makes it slower.
        threads: Of the runtime; one for each core where not given.
        seed: Of the nets' genotypes.
        measure: Times the nets; `measured` where not given.
        note: Told what is going on.

    Raises:
        TargetError: The runtime is not available or runs no target's files, or a number is out of range.
        NetworkError: The nets cannot be made.
    """
    threads = cores() if threads is None else threads
    for option, given, least, most in (
        ("--nets", number, LEAST, MOST), ("--rounds", rounds, 1, 1_000), ("--threads", threads, 1, 1_024)
    ):  # fmt: skip
        if not least <= given <= most:
            raise TargetError(f"{option} {given}: expected {least:,} to {most:,}")
    known = runtime_of(runtime)
    target = target_of(known)
    if measure is None and (reason := known.lacks()):
        raise TargetError(reason)
    names = tuple(dict.fromkeys([op.name for op in search_space(space)] + [get(name).name for name in operations]))
    names = tuple(name for name in names if name != NONE)
    default = NetworkConfig.make(skeleton=skeleton, input_size=input_size)
    sizes = tuple(dict.fromkeys(channels or (CHANNELS, default.channels)))
    networks = [
        NetworkConfig.make(skeleton=skeleton, input_size=input_size, channels=c, layers=length)
        for c in sizes
        for length in layers
    ]
    nets = design(names, networks, number, seed)
    made = [compiled_units(lower(*net), target.passes) for net in nets]
    began, others = time.monotonic(), OtherPrograms()
    timings = (measure or (lambda nets: measured(nets, known, threads, rounds, note)))(nets)
    seconds, taken = time.monotonic() - began, others.cores()
    latencies = [min(of_net) for of_net in timings]
    if taken is not None and taken > BUSY:
        note(f"other programs took {taken:.1f} cores meanwhile: measure again when nothing else runs")
    note("fitting")
    found = fit(made, latencies)
    middle, most_errors = errors(found.held_out, latencies)
    return Profile(
        genocc=__version__,
        runtime=known.name,
        version=known.version() or "",
        machine=machine(),
        threads=threads,
        target=target.name,
        passes=target.passes,
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=seconds,
        other_programs=taken,
        nets=Nets(
            number=number, skeleton=default.skeleton, channels=sizes, layers=tuple(layers),
            input_size=default.input_size, operations=names, seed=seed,
        ),
        residuals=Residuals(
            median_error=middle, error_90=most_errors, tau=correlate(found.held_out, latencies).tau_b,
            ratio=found.costs.ratio, condition=found.condition,
            spread=median(max(of_net) / min(of_net) - 1 for of_net in timings),
        ),
        kinds={
            kind: UnitCosts(call=call, byte=byte, mac=mac) for kind, (call, byte, mac) in found.costs.kinds.items()
        },
        deviations=dict(found.costs.deviations),
    )  # fmt: skip


def target_of(runtime: Runtime) -> type[Exporter]:
    """Returns the target whose files are a runtime's own, the first that it reads.

    Raises:
        TargetError: No target writes them.
    """
    found = [target for target in exporters().values() if target.suffix == runtime.reads[0]]
    if not found:
        raise TargetError(
            f"runtime '{runtime.name}' runs no target's files, and what is compiled is what is profiled; "
            "expected onnxruntime or openvino"
        )
    return found[0]


def measured(
    nets: Sequence[Net], runtime: Runtime, threads: int, rounds: int, note: Note = lambda message: None
) -> list[list[float]]:
    """Returns the median seconds of each net at batch 1 in each of some rounds, which go through all nets.

    Each net is loaded, warmed, timed for about a third of a second and given up before the next, since the waiting
    threads of a net that is merely loaded slow down the others.

    Raises:
        TargetError: The runtime is not available, or cannot run a net.
    """
    target = exporter(target_of(runtime).name)
    timings: list[list[float]] = [[] for _ in nets]
    with TemporaryDirectory(prefix="genocc-") as folder:
        paths = []
        for number, (genotype, config) in enumerate(nets):
            if number % 20 == 0:
                note(f"compiling net {number + 1} of {len(nets)}")
            paths.append(Path(folder, f"{number}{target.suffix}"))
            compile(genotype, config, to=target.name, output=paths[-1], verify=False)
        for turn in range(rounds):
            note(f"timing {len(nets)} nets, round {turn + 1} of {rounds}")
            for of_net, path, (_, config) in zip(timings, paths, nets, strict=True):
                images = np.random.default_rng(0).standard_normal(
                    (1, config.input_channels, *config.input_size), np.float32
                )
                net = runtime.load(open_file(path), threads=threads)
                of_net.append(median(samples(net.infer, images)))
                del net
                gc.collect()
    return timings
