"""Genotypes as large as the format allows, nets as large as options allow: done soon, or refused before the work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import genocc
from genocc import Genotype, NetworkConfig
from genocc.errors import GenoccError
from genocc.lowering import MAX_PRIMITIVES
from genocc.targets import exporter
from tests.cli.commands import error, run
from tests.exporters.drawing.drawn import needs_dot
from tests.strategies import crowded

SECONDS = 10
MEBIBYTES = 600
"""Beyond what PyTorch takes where a command imports it."""
PT2_SECONDS = 30
"""PyTorch alone takes 10 for a published net, to trace it, write it and read it again; OpenVINO to import, convert."""

LARGEST = ("--layers", 512, "--channels", 4096, "--classes", 1_000_000, "--input-size", 8192, "--input-channels", 1024)
SMALL = ("--channels", 4, "--input-size", 8)


@pytest.fixture
def large(tmp_path: Path) -> dict[str, Path]:
    """Genotypes of 64 nodes and 1,024 edges: of the most primitives, of one each, of none, and of many cells."""
    genotypes = {
        "sep": crowded(),
        "conv": crowded(op="conv_1x1"),
        "pool": crowded(op="max_pool_3x3"),
        "skip": crowded(op="skip_connect"),
        "half": crowded(edges=512, op="conv_1x1"),
    }
    cell = crowded(edges=300).cells["normal"]
    genotypes["many"] = Genotype(name="many", cells={f"kind{number}": cell for number in range(60)})
    for name, genotype in genotypes.items():
        genotype.save(tmp_path / f"{name}.json")
    return {name: tmp_path / f"{name}.json" for name in genotypes}


class Used(NamedTuple):
    """What a process used: its exit code, CPU seconds, the most memory in MiB, and its last line."""

    code: int
    seconds: float
    memory: float
    said: str


def measured(*arguments: object) -> Used:
    """Runs Python in a process of its own, on one thread, with its children."""
    script = (
        "import os, resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(done.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)\n"
        "print((done.stderr.splitlines() or [''])[-1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=True,
    )
    figures, said = done.stdout.split("\n", 1)
    code, seconds, memory = figures.split()
    return Used(int(code), float(seconds), float(memory), said)


def test_counts_look_at_no_more_primitives_than_a_net_may_have(large: dict[str, Path]) -> None:
    assert genocc.count(genocc.load(large["sep"]), NetworkConfig(layers=1)).total.nodes < MAX_PRIMITIVES
    assert "primitives together; a net has at most 32,768" in error("count", large["sep"], *LARGEST)
    largest = genocc.count(
        genocc.load("zoo:pnasnet"),
        NetworkConfig(layers=512, channels=4096, classes=10**6, input_size=(8192, 8192), input_channels=1024),
    )
    assert largest.total.nodes < MAX_PRIMITIVES


def test_a_genotype_has_at_most_64_cells(tmp_path: Path) -> None:
    zero = {"inputs": 1, "nodes": [[{"op": "none", "from": 0}]], "concat": [1]}
    cells = {f"k{number}": zero for number in range(65)}
    with pytest.raises(GenoccError, match=r"\$\.cells: 65 cells; expected at most 64"):
        Genotype.from_dict({"name": "x", "cells": cells})
    del cells["k0"]
    assert len(Genotype.from_dict({"name": "x", "cells": cells}).cells) == 64


def test_each_command_reads_the_largest_genotype(large: dict[str, Path], tmp_path: Path) -> None:
    assert run("show", large["sep"]).exit_code == 0
    assert run("diff", large["sep"], large["conv"]).exit_code == 1
    assert "cannot express" in error("export-text", large["sep"], "--to", "darts")
    for suffix in ("svg", "png", "pdf"):
        assert "extent" in error("draw", large["sep"], "-o", tmp_path / f"cells.{suffix}")
    for target, suffix in (("onnx", "onnx"), ("torch", "safetensors"), ("pt2", "pt2"), ("python", "py")):
        said = error("compile", large["sep"], "--to", target, "-o", tmp_path / f"net.{suffix}", "--layers", 1, *SMALL)
        assert f"primitives, and target '{target}' takes" in said


def test_sums_of_many_values_count_as_what_they_are(large: dict[str, Path], tmp_path: Path) -> None:
    """Of 1,024 edges that do nothing, few primitives are left, and PyTorch traces each addition."""
    said = error("compile", large["skip"], "--to", "pt2", "-o", tmp_path / "net.pt2", "--layers", 1, *SMALL)
    assert "inputs, and target 'pt2' takes 2,000 at most; choose fewer layers" in said
    for name in ("darts-v2", "pnasnet", "nasnet"):
        inputs = sum(len(node.inputs) for node in genocc.lower(genocc.load(f"zoo:{name}")).nodes.values())
        assert inputs < exporter("pt2").max_inputs


@needs_dot
@pytest.mark.full
@pytest.mark.timeout(3600)
def test_seconds_and_memory_at_the_limits(large: dict[str, Path], tmp_path: Path) -> None:
    """Each command ends within its seconds and memory; those that refuse say why."""
    torch = measured("-c", "import torch, onnxruntime").memory
    plain: list[tuple[object, ...]] = [
        *(("show", path) for path in large.values()),
        ("show", large["many"], "--json"),
        *(("count", path, *SMALL, "--layers", layers) for path in large.values() for layers in (1, 2, 20)),
        *(("count", name, *LARGEST) for name in ("zoo:darts-v2", "zoo:pnasnet", large["sep"], large["skip"])),
        ("count", "zoo:darts-v2", *LARGEST, "--skeleton", "imagenet", "--by", "edge", "--by", "cell"),
        ("diff", large["sep"], large["conv"], "-o", tmp_path / "d.svg"),
        ("diff", large["many"], large["many"]),
        ("export-text", large["sep"], "--to", "darts"),
        ("import", large["sep"]),
        *(
            ("draw", large[name], "-o", tmp_path / f"cells.{suffix}", *one)
            for name in ("sep", "half", "many")
            for suffix in ("svg", "png", "pdf", "dot", "gif")
            for one in ((), ("--cell", "normal"))
        ),
    ]
    targets = {"onnx": "onnx", "torch": "safetensors", "pt2": "pt2", "python": "py", "openvino": "xml"}
    compiled: list[tuple[object, ...]] = [
        ("compile", large[name], "--to", target, "-o", tmp_path / f"{name}.{suffix}", *SMALL, "--layers", layers)
        for target, suffix in targets.items()
        for name in ("sep", "conv", "skip", "half")
        for layers in (1, 2, 10)
    ]
    trained: list[tuple[object, ...]] = [
        ("train", large["sep"], "--data", "digits", "--layers", 20, "--epochs", 1, "--out", tmp_path / "run"),
        ("verify", tmp_path / "half.onnx", "--batch", 1),
    ]
    slow = []
    for arguments in (*plain, *compiled, *trained):
        used = measured("-m", "genocc", *arguments)
        own = used.memory - (0 if arguments in plain else torch)
        print(f"{used.seconds:5.1f} s  {used.memory:5.0f} MiB  {used.code}", *arguments, used.said[:90])
        assert used.code in (0, 1, 2)
        assert used.code != 2 or used.said.startswith("genocc: error: ")
        allowed = PT2_SECONDS if {"pt2", "openvino"} & {*map(str, arguments)} else SECONDS
        if used.seconds > allowed or own > MEBIBYTES:
            slow.append((*arguments, used))
    assert not slow
