"""This working tree against another commit, as ratios: a few figures in which a slower program shows; two minutes.

    python benchmarks/quick.py                       # against main (make bench-quick)
    python benchmarks/quick.py --base v0.1.0 --turns 15
    python benchmarks/quick.py --fail-above 1.3      # exit code 1 where a ratio is larger

Both trees are installed side by side in a temporary folder, the working tree with all that git does not ignore. In each
turn both do the same, one after the other, and who is first alternates: what else the machine does meets both. A ratio
is the median of the turns' ratios; above 1 this tree is slower. The spread is the smallest and the largest of them:
where 1 lies well inside it, nothing was found. Commands are timed from the outside; steps in a process that has
imported and built everything.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from running import run

ROOT = Path(__file__).parent.parent
COMPILE = ("-m", "genocc", "compile", "zoo:darts-v2", "--to", "onnx", "--no-verify", "-o", "net.onnx")
COMMANDS: dict[str, tuple[str, ...]] = {
    "import genocc": ("-c", "import genocc"),
    "genocc --help": ("-m", "genocc", "--help"),
    "genocc count zoo:darts-v2": ("-m", "genocc", "count", "zoo:darts-v2"),
    "genocc compile zoo:darts-v2 --to onnx": COMPILE,
}
"""What is timed from the outside -> arguments of Python."""
BUDGET = 0.3
"""Seconds of a turn's steps; at least three are taken."""
Found = list[tuple[float, float]] | str
"""Seconds of the base and of this tree, turn by turn; or why they could not be measured."""


def main(
    base: Annotated[str, typer.Option(help="A commit, branch or tag.")] = "main",
    turns: Annotated[int, typer.Option(min=1, help="How often both are timed.")] = 7,
    only: Annotated[list[str] | None, typer.Option(help="Rows whose name has this in it; repeatable [all].")] = None,
    fail_above: Annotated[float | None, typer.Option(help="The largest ratio with exit code 0 [any].")] = None,
) -> None:
    """Prints the table."""
    from genocc.cli.console import print_table
    from genocc.machine import machine
    from genocc.threads import OtherPrograms

    names = [name for name in (*COMMANDS, *STEPS) if not only or any(part in name for part in only)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="genocc-quick-")))
        trees = Tree(folder / "base"), Tree(folder / "this tree")
        commit = export(base, trees[0].source)
        copy_working_tree(trees[1].source)
        for tree in trees:
            tree.install()
            stack.callback(tree.close)
        others = OtherPrograms()
        found = {name: compare(*trees, name, turns) for name in names}
        taken = others.cores()
    rows = [row(name, of_row) for name, of_row in found.items()]
    busy = "" if taken is None else f"; both trees and other programs took {taken:.1f} cores"
    caption = f"{turns} turns on {machine()}{busy}; above 1, this tree is slower"
    columns = ["", f">{base}", ">this tree", ">ratio", ">spread"]
    print_table(f"this tree against {base} ({commit})", columns, rows, caption=caption)
    limit = math.inf if fail_above is None else fail_above
    if slow := [name for name, of_row in found.items() if median(ratios(of_row) or [0]) > limit]:
        print(f"slower than --fail-above {fail_above:g}: {', '.join(slow)}")
        raise typer.Exit(1)


def compare(base: Tree, here: Tree, name: str, turns: int) -> Found:
    """Returns a row's times, or which tree cannot do it: a later commit has what an earlier one lacks."""
    found: list[tuple[float, float]] = []
    try:
        for turn in range(turns + 1):  # in the first files are read and nets built
            times = {tree: tree.seconds(name) for tree in ((base, here) if turn % 2 else (here, base))}
            found.append((times[base], times[here]))
    except TreeError as error:
        return str(error)
    return found[1:]


def ratios(found: Found) -> list[float]:
    """Returns this tree's time over that of the base, of each turn."""
    return [] if isinstance(found, str) else [here / base for base, here in found]


def row(name: str, found: Found) -> list[str]:
    """Returns a line of the table."""
    if isinstance(found, str):
        return [name, "-", "-", "-", found]
    of_turns, times = ratios(found), (f"{1e3 * median(seconds):,.4g} ms" for seconds in zip(*found, strict=True))
    return [name, *times, f"{median(of_turns):.2f}", f"{min(of_turns):.2f} to {max(of_turns):.2f}"]


class TreeError(Exception):
    """A tree cannot do what is to be timed."""


class Tree:
    """A commit's files (``source``), what was installed of them (``site``), and the process that takes its steps."""

    def __init__(self, folder: Path) -> None:
        self.name, self.source, self.site = folder.name, folder / "source", folder / "site"
        self._worker: Any = None
        self.source.mkdir(parents=True)

    def install(self) -> None:
        """Installs it as a user would, into a folder of its own."""
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
        subprocess.run([*pip, "--target", str(self.site), str(self.source)], check=True)

    def seconds(self, name: str) -> float:
        """Returns what a row takes once; raises TreeError."""
        if name in COMMANDS:
            start = time.perf_counter()
            done = self._python(*COMMANDS[name], run=subprocess.run, capture_output=True)
            taken = time.perf_counter() - start
            if done.returncode:
                raise TreeError(f"{self.name}: {done.stderr.strip().splitlines()[-1]}")
            return taken
        if self._worker is None:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            self._worker = self._python("-P", __file__, "--steps", run=subprocess.Popen, **pipes)
        print(name, file=self._worker.stdin, flush=True)
        answer = json.loads(self._worker.stdout.readline() or '{"error": "its process has ended"}')
        if "error" in answer:
            raise TreeError(f"{self.name}: {answer['error']}")
        return float(answer["seconds"])

    def close(self) -> None:
        """Ends its process."""
        if self._worker is not None:
            self._worker.communicate()

    def _python(self, *arguments: str, run: Callable[..., Any], **options: Any) -> Any:
        """A Python that imports this tree's genocc, and what its benchmarks share."""
        path = os.pathsep.join(map(str, (self.site, self.source / "benchmarks")))
        environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        return run([sys.executable, *arguments], cwd=self.site, env=environment, text=True, **options)


def export(commit: str, folder: Path) -> str:
    """Writes a commit's files into a folder; returns its short hash, raises GenoccError."""
    from genocc.errors import GenoccError

    git = ["git", "-C", str(ROOT)]
    asked = [*git, "rev-parse", "--short", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}"]
    known = subprocess.run(asked, capture_output=True, text=True, check=False)
    if known.returncode:
        raise GenoccError(f"--base {commit}: git knows no such commit; expected a branch, a tag or a hash (BASE=...)")
    packed = folder.with_suffix(".tar")
    subprocess.run([*git, "archive", "--output", str(packed), known.stdout.strip()], check=True)
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return known.stdout.strip()


def copy_working_tree(folder: Path) -> None:
    """Copies what is committed or about to be: building in place would leave a folder build/ here."""
    listing = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())


def search_step(method: str) -> Callable[[], object]:
    """An architecture and a weight step on a tiny super-net."""
    from search_ways import Genocc, Size

    search = Genocc(Size(batch=8, channels=8, layers=4, image=16), method)
    return lambda: [search.step(group) for group in ("architecture", "weights")]


def training_step() -> Callable[[], object]:
    """A step of a small net of DARTS_V2."""
    import torch

    import genocc
    from genocc.training.config import TrainConfig
    from genocc.training.trainer import Trainer

    small = ("network.channels=8", "network.layers=4", "network.auxiliary=false", "schedule.batch_size=16")
    data = ("data.name=fake", "data.size=16", "data.training=320")
    config = TrainConfig.make("cifar", [*small, *data])
    trainer = Trainer(genocc.load("zoo:darts-v2"), config, torch.device("cpu"))
    trainer.begin_epoch(0)
    return trainer.step


def onnx_inference() -> Callable[[], object]:
    """One image through DARTS_V2 at the papers' size, in ONNX Runtime on one thread."""
    import numpy as np
    import onnxruntime

    import genocc

    genocc.compile(genocc.load("zoo:darts-v2"), to="onnx", output="latency.onnx", verify=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession("latency.onnx", options, providers=["CPUExecutionProvider"])
    image = {session.get_inputs()[0].name: np.zeros((1, 3, 32, 32), np.float32)}
    return lambda: session.run(None, image)


STEPS: dict[str, Callable[[], Callable[[], object]]] = {
    "a step of DARTS": lambda: search_step("darts"),
    "a step of EnTranNAS": lambda: search_step("entrannas"),
    "a training step": training_step,
    "an image in ONNX Runtime": onnx_inference,
}
"""What is timed inside a process of its own -> what prepares it and returns it."""


def take_steps() -> None:
    """Answers each name on standard input with the seconds of its steps, or with what is wrong."""
    from running import timed

    prepared = cache(lambda name: STEPS[name]())
    answers, sys.stdout = sys.stdout, sys.stderr
    for name in map(str.strip, sys.stdin):
        try:
            step, found = prepared(name), []
            while len(found) < 3 or sum(found) < BUDGET:
                found.append(timed(step))
            answer: dict[str, Any] = {"seconds": median(found)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["--steps"]:
        take_steps()
    else:
        run(main)
