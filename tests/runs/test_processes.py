"""Several processes that share each batch, started by `torchrun`, with gloo on this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from genocc.data import MemoryImages
from genocc.data.batches import Batches
from genocc.errors import ConfigError
from genocc.exporters import torch as torch_target
from genocc.runs.processes import ALONE, Processes
from genocc.runs.reading import read_history
from genocc.training.training import run_training
from tests.training.tiny import GENOTYPE, TINY, history, tiny, weights

EXACT = (
    "schedule.epochs=2",
    "compute.precision=float64",
    "distributed.sync_batch_norm=true",
    "network.auxiliary=true",
    "data.size=32",
)


def torchrun(folder: Path, *arguments: object, processes: int = 2) -> subprocess.CompletedProcess[str]:
    """Runs ``genocc train`` in several processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", processes, "--master-port", port),
        *("-m", "genocc", "train", *arguments, "--out", folder, "--device", "cpu"),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment, check=False)


def settings(*overrides: str) -> list[str]:
    return [argument for text in (*TINY, *overrides) for argument in ("--set", text)]


@pytest.fixture
def genotype(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.json"
    path.write_text(GENOTYPE.dumps())
    return path


def test_two_processes_compute_what_one_does(tmp_path: Path, genotype: Path) -> None:
    """In float64, with BN over the whole batch, drop path, cutout, crops, an average and an auxiliary head."""
    ran = torchrun(tmp_path / "two", genotype, "--preset", "cifar", *settings(*EXACT))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("best.safetensors") == 1  # the first process prints
    run_training(GENOTYPE, tiny(*EXACT), tmp_path / "one", device="cpu")
    costs = [read_history(tmp_path / run)[0]["costs"] for run in ("one", "two")]
    assert [found["processes"] for found in costs] == [1, 2]
    assert costs[1]["peak_memory"] > 50 << 20
    for line, other in zip(history(tmp_path / "two"), history(tmp_path / "one"), strict=True):
        assert line["training"] == pytest.approx(other["training"], rel=1e-9)
        assert (line["test"], line["average"]) == (other["test"], other["average"])
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert one.keys() == two.keys()
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-9, atol=1e-11, msg=name)
    saved = [torch_target.load(tmp_path / run / "last.safetensors").state_dict() for run in ("one", "two")]
    for name, value in saved[0].items():
        torch.testing.assert_close(saved[1][name], value, rtol=1e-6, atol=1e-7, msg=name)


@pytest.mark.full
def test_without_it_each_process_has_its_own_batch_norm(tmp_path: Path, genotype: Path) -> None:
    """As the papers' programs on several GPUs; it goes on after a stop in several processes too."""
    ran = torchrun(tmp_path / "two", genotype, "--preset", "cifar", *settings())
    assert ran.returncode == 0, ran.stderr
    run_training(GENOTYPE, tiny(), tmp_path / "one", device="cpu")
    assert history(tmp_path / "two")[0]["training"]["loss"] != history(tmp_path / "one")[0]["training"]["loss"]
    again = torchrun(tmp_path / "two", "--resume")
    assert again.returncode == 0, again.stderr
    assert again.stdout == ran.stdout


@pytest.mark.full
def test_two_processes_and_one_in_float32(tmp_path: Path, genotype: Path) -> None:
    # NCHW: PyTorch's channels_last kernels sum in an order that depends on the batch, and a training amplifies that.
    nchw = "compute.channels_last=false"
    options = ("distributed.sync_batch_norm=true", "schedule.epochs=1", "data.size=32", nchw)
    ran = torchrun(tmp_path / "two", genotype, "--preset", "cifar", *settings(*options))
    assert ran.returncode == 0, ran.stderr
    run_training(GENOTYPE, tiny(*options), tmp_path / "one", device="cpu")
    for name, value in weights(tmp_path / "one").items():
        torch.testing.assert_close(weights(tmp_path / "two")[name], value, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.full
def test_a_folder_that_cannot_be_used_ends_all_processes(tmp_path: Path, genotype: Path) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "thesis.tex").touch()
    ran = torchrun(tmp_path / "used", genotype, "--preset", "cifar", *settings())
    assert ran.returncode != 0
    assert "has other files in it (thesis.tex)" in ran.stderr
    assert ran.stderr.count("genocc: error: ") == 1  # the first process says it
    assert "genocc/searchers" not in ran.stderr  # no traceback of ours


def test_shares_are_equal_or_refused() -> None:
    shares = [Processes(rank, 3).share(12) for rank in range(3)]
    assert [list(range(12))[share] for share in shares] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert ALONE.share(5) == slice(0, 5)
    with pytest.raises(ConfigError, match="a batch of 10 images does not divide among 3 processes"):
        Processes(0, 3).share(10)


def test_the_shares_of_a_batch_are_the_batch() -> None:
    """Whatever is random in it: order, crops, mirroring, cutout."""
    pixels = torch.randint(0, 256, (40, 8, 8, 3), generator=torch.Generator().manual_seed(0)).to(torch.uint8)

    def batches(share: slice) -> Batches:
        images = MemoryImages(pixels, torch.arange(40))
        augmentation = {"padding": 2, "flip": True, "cutout": 3}
        return Batches(
            images,
            12,
            seed=0,
            stream="training",
            mean=(0.5,) * 3,
            std=(0.2,) * 3,
            share=share,
            **augmentation,  # type: ignore[arg-type]
        )

    for number in range(4):
        whole, labels = batches(slice(None))[number]
        parts = [batches(Processes(rank, 2).share(12))[number] for rank in range(2)]
        assert torch.equal(torch.cat([images for images, _ in parts]), whole)
        assert torch.equal(torch.cat([part for _, part in parts]), labels)
