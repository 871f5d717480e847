"""One search in several processes: what it computes is what one process computes, and it can be stopped and killed."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from genocc.runs.reading import HISTORY, read_history
from genocc.searchers.search import run_search
from tests.searchers.shared_searches import (
    FLOAT64,
    METHODS,
    TINY,
    assert_equal,
    config,
    processes_of,
    start,
    wait,
)
from tests.searchers.small import SMALL, assert_same

EXACT = (*TINY, FLOAT64)
TRAINED = [name for name in METHODS if name != "random"]


def test_two_processes_compute_what_one_does(tmp_path: Path) -> None:
    """All methods, in float64; IST is interrupted in the midst of an epoch, and goes on in one process."""
    names = [name for name in METHODS if name not in ("darts", "ec-darts")]  # of the former the second order
    two, one = tmp_path / "two", tmp_path / "one"
    two.mkdir()
    started = start(two, [("ec-darts", EXACT, 4), *((name, EXACT, None) for name in names)])
    for name in (*names, "ec-darts"):
        run_search(config(name, *EXACT), one / name, device="cpu")
    wait(started)
    run_search(config("ec-darts", *EXACT), two / "ec-darts", resume=True, device="cpu")
    for name in (*names, "ec-darts"):
        assert_equal(two / name, one / name)
    assert processes_of(two / "pc-darts") == [2]
    assert "stopped in epoch 1" in (two / "ec-darts" / "log.txt").read_text()


@pytest.mark.full
@pytest.mark.parametrize("processes", [2, 4])
def test_processes_compute_what_one_does_over_epochs(tmp_path: Path, processes: int) -> None:
    many, one = tmp_path / "many", tmp_path / "one"
    many.mkdir()
    wait(start(many, [(name, (FLOAT64,), None) for name in METHODS], processes))
    for name in METHODS:
        run_search(config(name, FLOAT64), one / name, device="cpu")
        assert_equal(many / name, one / name)
    assert processes_of(many / "darts") == [processes] * 2


@pytest.mark.full
def test_the_genotype_is_the_same_in_float32(tmp_path: Path) -> None:
    two, one = tmp_path / "two", tmp_path / "one"
    two.mkdir()
    wait(start(two, [(name, (), None) for name in METHODS]))
    for name in METHODS:
        run_search(config(name), one / name, device="cpu")
        assert genotype(two / name) == genotype(one / name), name


@pytest.mark.full
def test_stopped_and_continued_by_any_number_of_processes(tmp_path: Path) -> None:
    """By two, four and one process."""
    many, one = tmp_path / "many", tmp_path / "one"
    many.mkdir()
    settings = (*TINY, "schedule.epochs=2", FLOAT64)
    for stopped, processes in ((1, 2), (3, 4)):
        wait(start(many, [(name, settings, stopped) for name in TRAINED], processes))
    for name in TRAINED:
        run_search(config(name, *settings), many / name, resume=True, device="cpu")
        run_search(config(name, *settings), one / name, device="cpu")
        assert_equal(many / name, one / name)


@pytest.mark.full
def test_stopped_and_continued_by_as_many_processes_is_the_same_to_the_bit(tmp_path: Path) -> None:
    cut, whole = tmp_path / "cut", tmp_path / "whole"
    settings = (*TINY, "schedule.epochs=2")
    for folder, stopped in ((whole, None), (cut, 1), (cut, 3), (cut, None)):
        folder.mkdir(exist_ok=True)
        wait(start(folder, [(name, settings, stopped) for name in TRAINED]))
    for name in TRAINED:
        assert_same(cut / name, whole / name)


@pytest.mark.full
@pytest.mark.parametrize("killed", [0, 1])
def test_killed_and_continued(tmp_path: Path, killed: int) -> None:
    """SIGKILL of either process ends both with one line at most; what follows is as if nothing had happened."""
    settings = ("schedule.epochs=12", "child.batches=1", FLOAT64)
    started = torchrun("darts", settings, tmp_path / "two")
    deadline = time.monotonic() + 300
    while not (tmp_path / "two" / HISTORY).exists() or len(read_history(tmp_path / "two")) < 2:
        assert started.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(child(started.pid, killed), signal.SIGKILL)
    output = started.communicate(timeout=300)[0]
    assert output.count("genocc: error: ") <= 1
    assert not re.search(r'File ".*/(genocc|searchers)/', output)  # no traceback of ours
    assert len(read_history(tmp_path / "two")) < 12
    again = torchrun("darts", settings, tmp_path / "two", "--resume")
    assert "12/12" in again.communicate(timeout=600)[0]
    run_search(config("darts", *settings), tmp_path / "one", device="cpu")
    assert_equal(tmp_path / "two", tmp_path / "one")


@pytest.mark.full
def test_a_batch_that_does_not_divide_is_refused_in_one_line(tmp_path: Path) -> None:
    output = torchrun("darts", ("schedule.batch_size=9",), tmp_path / "x").communicate(timeout=300)[0]
    assert output.count("genocc: error: ") == 1
    assert "a batch of 9 images does not divide among 2 processes" in output
    assert not (tmp_path / "x").exists()


def genotype(run: Path) -> object:
    """Returns operations and edges of the last epoch's cells, without their weights."""
    cells = read_history(run)[-1]["genotype"]["cells"]
    return {
        kind: [[(edge["op"], edge["from"]) for edge in node] for node in cell["nodes"]] for kind, cell in cells.items()
    }


def torchrun(name: str, settings: Sequence[str], run: Path, *options: str) -> subprocess.Popen[str]:
    """Starts ``genocc search`` by PyTorch's launcher, in two processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    texts = [argument for text in (*SMALL, *settings, *METHODS[name]) for argument in ("--set", text)]
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", port),
        *("-m", "genocc", "search", "--method", name, "--preset", "cifar", *texts, "--device", "cpu"),
        *("--out", str(run), *options),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def child(parent: int, rank: int) -> int:
    """Returns the process that the launcher has started with a rank."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("no /proc to see processes in")
    for path in Path("/proc").glob("[0-9]*"):
        try:
            of_parent = f"\nPPid:\t{parent}\n" in (path / "status").read_text()
            if of_parent and f"\0RANK={rank}\0" in (path / "environ").read_text():
                return int(path.name)
        except OSError:  # it has ended
            continue
    raise AssertionError(f"no process of rank {rank}")
