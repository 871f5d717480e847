"""Small searches that several processes share, all in one group of processes: PyTorch is imported once in each.

    python -m tests.searchers.shared_searches FOLDER < requests.json

`start` does so, with RANK and so on in the environment, as `torchrun` has them. What tests compare with is a search of
the same configuration in one process.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed

from genocc.runs import loop
from genocc.runs.progress import Progress
from genocc.runs.reading import read_history
from genocc.searchers.config import SearchConfig
from genocc.searchers.search import run_search
from tests.searchers.small import history, small, weights
from tests.stopping import StopAt

ZERO, NO_ZERO = 'space=["none","skip_connect","sep_conv_3x3"]', 'space=["skip_connect","max_pool_3x3","sep_conv_3x3"]'
METHODS: Mapping[str, tuple[str, ...]] = {
    "darts": (ZERO,),
    "darts, second order": (ZERO, "schedule.order=2"),
    "pc-darts": (ZERO, "schedule.warmup=0"),
    "ec-darts": (ZERO,),
    "edarts": (NO_ZERO, "relaxation.attention={}", "topology.nodes=1", "topology.predecessors=[[0,1]]"),
    "entrannas": (ZERO,),
    "entrannas-dst": (NO_ZERO,),
    "gdas": (ZERO, "schedule.order=2"),
    "drnas": (NO_ZERO, "schedule.epochs=2", "schedule.warmup=0"),
    "fair-darts": (NO_ZERO, "derivation.threshold=0.5001"),
    "p-darts": (
        *(NO_ZERO, "schedule.epochs=2", "schedule.warmup=0", "schedule.operations=[2]", "schedule.add_layers=[0,0]"),
        *("schedule.add_channels=[0,4]", "schedule.add_dropout=[0.3,0.5]"),
    ),
    "random": (ZERO,),
}
"""Name of a search, its method before the comma -> settings beside those of `small`."""

TINY = ("data.training=16", "data.validation=10", "schedule.epochs=1", "topology.nodes=1")
"""For `make test`: the smallest searches with momenta, of two weight steps."""
FLOAT64 = "supernet.precision=float64"


def config(name: str, *overrides: str) -> SearchConfig:
    """Returns the configuration of one of `METHODS`."""
    return small(name.partition(",")[0], *overrides, *METHODS[name])


def start(
    folder: Path, requests: Sequence[tuple[str, Sequence[str], int | None]], processes: int = 2
) -> list[subprocess.Popen[str]]:
    """Starts processes that share searches, one after another.

    Args:
        folder: Where the run folders are, each with the name of its search.
        requests: Name, settings, and the step after which the first process is interrupted (None: it is not); a run
            that has begun goes on.
        processes: How many.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = []
    for rank in range(processes):
        of_group = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "MASTER_ADDR": "127.0.0.1"}
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "MASTER_PORT": str(port)}
        environment |= {name: str(value) for name, value in of_group.items()}
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(json.dumps([list(request) for request in requests]))
        process.stdin.close()
        process.stdin = None
        started.append(process)
    return started


def wait(started: Sequence[subprocess.Popen[str]]) -> None:
    """Waits for all processes; fails with their output where one has failed."""
    outputs = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0] * len(started), "\n".join(outputs)


def assert_equal(run: Path, other: Path, tolerance: float = 1e-9) -> None:
    """Two runs have the same history, genotype and weights, numbers to a tolerance, relative and absolute."""
    for line, reference in zip(history(run), history(other), strict=True):
        _assert_close(line, reference, tolerance, f"epoch {line['epoch']}")
    found, expected = (json.loads((path / "genotype.json").read_text()) for path in (run, other))
    _assert_close(found, expected, tolerance, "genotype.json")
    if (other / "checkpoint").exists():
        first, second = weights(run), weights(other)
        assert first.keys() == second.keys()
        for name, value in first.items():
            torch.testing.assert_close(value, second[name], rtol=tolerance, atol=tolerance, msg=name)


def _assert_close(found: Any, expected: Any, tolerance: float, where: str) -> None:
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), where
        for name, value in expected.items():
            _assert_close(found[name], value, tolerance, f"{where}: {name}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for one, other in zip(found, expected, strict=True):
            _assert_close(one, other, tolerance, where)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=tolerance, abs=tolerance), where
    else:
        assert found == expected, where


def processes_of(run: Path) -> list[int]:
    """Returns the number of processes that shared each epoch."""
    return [line["costs"]["processes"] for line in read_history(run)]


def main(folder: Path) -> None:
    """What each process does."""
    requests = json.load(sys.stdin)
    loop.LOOKED_EVERY = -1.0  # progress is told about every step
    distributed.init_process_group("gloo")
    for name, overrides, stopped in requests:
        run = folder / name
        begun = (run / "config.json").exists()
        distributed.barrier()
        progress = Progress() if stopped is None else StopAt(stopped)
        try:
            run_search(config(name, *overrides), run, resume=begun, device="cpu", progress=progress)
        except KeyboardInterrupt:
            assert stopped is not None
        else:
            assert stopped is None
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
