"""What searches cost, next to a plain transcription of the reference super-nets: one run, one machine, as ratios.

    python benchmarks/search.py                                # the tables of docs/benchmarks.md (2 cores: 15 minutes)
    python benchmarks/search.py --only steps --json out.json   # one table; the others stay in the file as they are
    python benchmarks/search.py --device cuda                  # with rows in bfloat16; memory is the GPU's
    python benchmarks/search.py --quick                        # small nets, to see that it runs

`steps`: one architecture step and one weight step, batch 64, C = 16, 8 cells, 32x32. The transcription
(tests/reference_supernets.py) gives every edge its own operations and sends everything through autograd; it is timed in
NCHW, as the papers' programs run, and in channels_last. `live`: EnTranNAS-DST's step as features die. `whole`: whole
searches of EnTranNAS and EnTranNAS-DST. `data`: the loop with augmented images against one batch that never changes.

The ways take turns, and each ratio is the median of the rounds' ratios; treat 5% as a tie.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from statistics import correlation, linear_regression, median
from typing import Annotated, Any

import torch
import typer
from running import run, timed
from search_ways import DARTS, ENTRANNAS, LOW_WAYS, WAYS, Genocc, Searcher, Size, Way
from torch import Tensor

import genocc
from genocc.cli.console import note, print_table
from genocc.files import write_atomically
from genocc.machine import keep_freed_memory, machine
from genocc.runs.reading import read_history
from genocc.searchers.config import SearchConfig
from genocc.searchers.interface import CellSpace, Group
from genocc.searchers.parts.data import load_halves
from genocc.searchers.search import choose_device
from genocc.searchers.supernet.net import SuperNet

QUICK = Size(batch=8, channels=8, layers=4, image=16)
TABLES = ("steps", "live", "whole", "data")


def main(
    only: Annotated[list[str] | None, typer.Option(help=f"Tables [{', '.join(TABLES)}].")] = None,
    rounds: Annotated[int, typer.Option(help="How often the ways take turns.")] = 3,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    bfloat16: Annotated[bool | None, typer.Option(help="Rows in bfloat16 too [on a GPU].")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads [one a core].")] = None,
    data: Annotated[
        str, typer.Option(help="For `whole` and `data`: a data set or image folder, NAME:FOLDER.")
    ] = "fake",
    batch: Annotated[int | None, typer.Option(help="Images per batch [64].")] = None,
    quick: Annotated[bool, typer.Option(help="Small nets, few steps.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file as well.")] = None,
    peak: Annotated[
        str | None, typer.Option(help="Print the peak memory of a way's two steps, and nothing else.")
    ] = None,
) -> None:
    """Prints the tables."""
    if threads:
        torch.set_num_threads(threads)
    size = replace(QUICK if quick else Size(), device=choose_device(device).type)
    size = replace(size, batch=batch or size.batch)
    ways = WAYS | (LOW_WAYS if bfloat16 or (bfloat16 is None and device == "cuda") else {})
    if peak:
        print(peak_megabytes((WAYS | LOW_WAYS)[peak], size))
        return
    keep_freed_memory()
    unknown = [name for name in only or () if name not in TABLES]
    if unknown:
        raise typer.BadParameter(f"unknown table '{unknown[0]}'; expected {', '.join(TABLES)}", param_hint="--only")
    figures = json.loads(json_file.read_text()) if json_file and json_file.exists() else {}
    for name in only or TABLES:
        if name == "steps":
            found = steps(ways, size, rounds, ["--quick"] * quick + [f"--batch={size.batch}"])
        elif name == "live":
            found = live(size, rounds)
        elif name == "whole":
            found = whole(size, data, quick)
        else:
            found = resident(size, data, rounds)
        figures[name] = {"machine": place(device), "size": asdict(size), **found}
        if json_file:
            write_atomically(json_file, json.dumps(figures, indent=2) + "\n")


def place(device: str) -> str:
    """Returns what the figures depend on."""
    where = torch.cuda.get_device_name() if device == "cuda" else f"{machine()}, {torch.get_num_threads()} threads"
    return f"{where}, PyTorch {torch.__version__}, genocc {genocc.__version__}"


def steps(ways: Mapping[str, Way], size: Size, rounds: int, flags: Sequence[str]) -> dict[str, Any]:
    """Time and memory of one step of either kind."""
    searchers: dict[str, Searcher] = {}
    if size.device == "cuda":  # its memory is counted by tensors, in this process
        peaks = {name: allocated_peak(name, way, size, searchers) for name, way in ways.items()}
    else:  # first: later this process is large itself
        peaks = {name: fresh_peak(name, size, flags) for name in ways}
        searchers |= {name: way.build(size) for name, way in ways.items()}
    saved = {name: {group: saved_megabytes(made, group) for group in GROUPS} for name, made in searchers.items()}
    turns = take_turns({name: partial(both_steps, searchers[name], way.repeats) for name, way in ways.items()}, rounds)
    rows = []
    for name, way in ways.items():
        halves = {group: median(turn[n] for turn in turns[name]) for n, group in enumerate(GROUPS)}
        rows.append(
            {
                "way": name,
                "seconds": median(map(sum, turns[name])),
                "half_seconds": halves,
                "faster": ratio(turns[way.against], turns[name]),
                "faster_than_transcribed_darts": ratio(turns[DARTS], turns[name]),
                "saved_megabytes": saved[name],
                "saved_share": max(saved[name].values()) / max(saved[way.against].values()),
                "peak_megabytes": peaks[name],
                "peak_share": peaks[name] / peaks[way.against],
            }
        )
    print_table(
        "one architecture step and one weight step",
        ["", ">step s", ">= architecture", ">+ weights", ">x faster", ">x DARTS", ">saved MB", ">share", ">peak MB",
         ">share"],
        [
            [
                row["way"], f"{row['seconds']:.3g}", *(f"{row['half_seconds'][group]:.3g}" for group in GROUPS),
                f"{row['faster']:.2f}", f"{row['faster_than_transcribed_darts']:.1f}",
                f"{max(row['saved_megabytes'].values()):.0f}", f"{row['saved_share']:.3f}",
                f"{row['peak_megabytes']:.0f}", f"{row['peak_share']:.2f}",
            ]
            for row in rows
        ],
        caption="x faster: than its own transcription (EnTranNAS: than that of DARTS); share: of the same. Saved: for "
        "backward, in the larger of the two steps. Peak: resident memory of a fresh process, PyTorch included; on a "
        "GPU, memory allocated there.",
    )  # fmt: skip
    more = ratio(turns[f"{ENTRANNAS}, 12 operations"], turns[ENTRANNAS])
    print(f"EnTranNAS with 12 operations takes {more:.2f} times as long as with 7 (none apart).")
    return {"rounds": rounds, "rows": rows, "extended_over_standard": more}


def live(size: Size, rounds: int) -> dict[str, Any]:
    """EnTranNAS-DST's step while its thresholds rise."""
    searchers = [Genocc(size, "entrannas-dst", *SPREAD, f"relaxation.threshold_start={t}") for t in THRESHOLDS]
    counts = [live_features(searcher.net) for searcher in searchers]
    turns = take_turns({n: partial(both_steps, s, 2) for n, s in enumerate(searchers)}, rounds)
    seconds = [median(map(sum, turns[n])) for n in range(len(searchers))]
    slope, base = linear_regression(counts, seconds)
    fit = correlation(counts, seconds) ** 2
    print_table(
        "EnTranNAS-DST: step time against live features",
        [">live (state, operation) features", ">step s", ">share of all alive", ">line through the points"],
        [
            [count, f"{s:.2f}", f"{s / seconds[0]:.2f}", f"{base + slope * count:.2f}"]
            for count, s in zip(counts, seconds, strict=True)
        ],
        caption=f"step = {base:.2f} s + {1e3 * slope:.2f} ms a feature; R^2 = {fit:.3f}",
    )
    return {"rounds": rounds, "features": counts, "seconds": seconds, "base": base, "slope": slope, "r_squared": fit}


def whole(size: Size, data: str, quick: bool) -> dict[str, Any]:
    """Whole searches: the papers' annealing in fewer steps, each of which moves the alphas further."""
    epochs, batches = (3, 2) if quick else (12, 4)
    images = batches * size.batch
    settings = size.settings(
        f"schedule.epochs={epochs}",
        f"data.training={images}",
        f"data.validation={images}",
        f"weights.learning_rate={0.2 * size.batch / 512}",
        f"architecture.learning_rate={PAPERS_TRAVEL / (epochs * batches):.4g}",
        f"data.size={size.image}",
    )
    found: dict[str, Any] = {}
    for method in ("entrannas", "entrannas-dst"):
        config = SearchConfig.make(method, "cifar", settings)
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "run"
            genocc.search(out, method=method, data=data, preset="cifar", overrides=settings, device=size.device)
            history = read_history(out)
        found[method] = {
            "seconds": sum(line["seconds"] for line in history),
            "epoch_seconds": [line["seconds"] for line in history],
            "features": [epoch_features(line, config) for line in history],
        }
    cost = found["entrannas-dst"]["seconds"] / found["entrannas"]["seconds"]
    shown = sorted({0, epochs // 4, epochs // 2, 3 * epochs // 4, epochs - 1})
    print_table(
        f"whole searches, {epochs} epochs of {batches} + {batches} steps, accuracies included",
        ["", ">seconds", *(f">epoch {n + 1}: s" for n in shown), *(f">live, epoch {n + 1}" for n in shown)],
        [
            [
                method, f"{run['seconds']:.0f}", *(f"{run['epoch_seconds'][n]:.1f}" for n in shown),
                *(run["features"][n] for n in shown),
            ]
            for method, run in found.items()
        ],
        caption=f"EnTranNAS-DST costs {cost:.2f} times as much; live: features of a normal and a reduction cell that "
        "are mixed (of 70)",
    )  # fmt: skip
    return {"epochs": epochs, "steps": 2 * epochs * batches, **found, "dst_over_entrannas": cost}


def resident(size: Size, data: str, rounds: int) -> dict[str, Any]:
    """The loop on a data set in memory, with its augmentation, against the loop on one batch."""
    still = Genocc(size, "entrannas")
    name, _, folder = ("imagefolder", "", data) if Path(data).is_dir() else data.partition(":")
    where = [f"data.name={name}", *([f"data.folder={folder}"] if folder else []), f"data.size={size.image}"]
    moving = Genocc(size, "entrannas", *where)
    search = moving.config
    halves = load_halves(search.data, search.schedule.batch_size, search.seed, torch.device(size.device))
    moving.bilevel.training, moving.bilevel.validation = halves.training, halves.validation
    turns = take_turns(
        {"one batch": partial(both_steps, still, 3), "augmented": partial(both_steps, moving, 3)}, rounds
    )
    more = 1 / ratio(turns["one batch"], turns["augmented"])
    alone = [timed(lambda n=n: halves.training[n]) for n in range(1000, 1050)]
    seconds = {way: median(map(sum, turn)) for way, turn in turns.items()}
    images = len(halves.training.images) + len(halves.validation.images)
    print_table(
        f"data: {halves.data.name}, {images:,} images in memory",
        ["EnTranNAS", ">step s"],
        [[way, f"{s:.3f}"] for way, s in seconds.items()],
        caption=f"the loop with augmentation takes {more:.3f} times as long; a batch alone takes "
        f"{1e3 * median(alone):.2f} ms, two a step",
    )
    return {"rounds": rounds, "seconds": seconds, "augmented_over_one_batch": more, "batch_seconds": median(alone)}


GROUPS: tuple[Group, Group] = ("architecture", "weights")
SPREAD = ("relaxation.temperature=1", "relaxation.alpha_noise=1")
"""Alphas as unequal as in the middle of a search."""
THRESHOLDS = (-9.0, -2.5, -1.5, -0.5, 0.5)
"""Before the sigmoid; the first keeps everything alive."""
PAPERS_TRAVEL = 6e-4 * 50 * 48
"""Adam's learning rate times steps in EnTranNAS' setting: about how far an alpha can go in a search."""


def both_steps(searcher: Searcher, repeats: int) -> tuple[float, ...]:
    """Returns the seconds of an architecture and of a weight step: means of so many in turn."""
    seconds = [[timed(partial(searcher.step, group)) for group in GROUPS] for _ in range(repeats)]
    return tuple(sum(column) / repeats for column in zip(*seconds, strict=True))


def take_turns(ways: Mapping[Any, Callable[[], tuple[float, ...]]], rounds: int) -> dict[Any, list[tuple[float, ...]]]:
    """Returns what each way measures in each round, after one to warm up."""
    for way in ways.values():
        way()
    turns: dict[Any, list[tuple[float, ...]]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, way in ways.items():
            turns[name].append(way())
            note(f"round {number + 1}, {name}: {sum(turns[name][-1]):.3g} s")
    return turns


def ratio(reference: list[tuple[float, ...]], own: list[tuple[float, ...]]) -> float:
    """Returns how many times as long the reference takes: the median over the rounds."""
    return median(sum(theirs) / sum(ours) for theirs, ours in zip(reference, own, strict=True))


def saved_megabytes(searcher: Searcher, group: Group) -> float:
    """Returns what a forward pass keeps for the backward pass, each storage once; parameters are part of it."""
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor.detach()  # holds the storage, so that no address comes twice; the tensor itself would be a cycle

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        searcher.loss(group)
    return sum(kept.values()) / 1e6


def fresh_peak(way: str, size: Size, flags: Sequence[str]) -> float:
    """Returns `peak_megabytes` of a process of its own."""
    note(f"memory of {way} ...")
    command = [sys.executable, __file__, "--peak", way, "--device", size.device, *flags]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def allocated_peak(name: str, way: Way, size: Size, searchers: dict[str, Searcher]) -> float:
    """Returns the most memory that a way's tensors took on the GPU in its first step of either kind; keeps the way."""
    gc.collect()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    searchers[name] = way.build(size)
    first = both_steps(searchers[name], 1)
    peak = (torch.cuda.max_memory_allocated() - before) / 1e6
    note(f"{name}: first steps {', '.join(f'{s:.2f} s' for s in first)}; {peak:.0f} MB")
    return peak


def peak_megabytes(way: Way, size: Size) -> float:
    """Returns the most memory that this process ever had; a step of either kind."""
    both_steps(way.build(size), 1)
    status = Path("/proc/self/status").read_text()  # getrusage would count the parent that started this process
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def live_features(net: SuperNet) -> int:
    """Returns how many (state, operation) features a pass computes, over all cells."""
    kinds = {kind: mixed_features(found.op.tolist(), net.spaces[kind]) for kind, found in net.frozen().items()}
    return sum(kinds[kind] for kind in net.kinds)


def epoch_features(line: Mapping[str, Any], config: SearchConfig) -> int:
    """Returns how many features have a coefficient in a normal and a reduction cell, from a line of the history."""
    space = config.topology.cell_space(config.space.operations)
    return sum(mixed_features(numbers["op"], space) for numbers in line["coefficients"].values())


def mixed_features(op: Sequence[Sequence[float]], space: CellSpace) -> int:
    """Returns how many (state, operation) have a coefficient on some edge."""
    rows = zip(space.edges, op, strict=True)
    found = {(source, name) for (source, _), row in rows for name, x in zip(space.operations, row, strict=True) if x}
    return len({feature for feature in found if feature[1] != "none"})


if __name__ == "__main__":
    run(main)
