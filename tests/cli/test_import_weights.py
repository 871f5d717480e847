"""``genocc import-weights``: the command; what it reads is tested with `genocc.nn.checkpoints`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from genocc.nn.target_net import load
from tests.cli.commands import error, run
from tests.nn.checkpoint_nets import ALL_OPERATIONS, CIFAR, reference

OPTIONS = ("--channels", 4, "--layers", 4, "--classes", 6)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    ALL_OPERATIONS.save(tmp_path / "g.json")
    torch.save(reference().state_dict(), tmp_path / "c.pt")
    return tmp_path / "c.pt"


def test_what_is_left_out_is_said(checkpoint: Path, tmp_path: Path) -> None:
    output = tmp_path / "w.safetensors"
    arguments = ("import-weights", checkpoint, "-g", tmp_path / "g.json", *OPTIONS, "-o", output, "--drop-auxiliary")
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "tensors, " in result.stderr
    assert load(output).config == CIFAR


def test_a_training_run_names_its_own_network(checkpoint: Path, training_run: Path, tmp_path: Path) -> None:
    output = tmp_path / "w.safetensors"
    assert "--channels: found 8; the net that was trained in" in error(
        "import-weights", checkpoint, "-g", training_run, "--channels", 8, "-o", output
    )
    assert "unknown layout 'x'; expected one of darts" in error(
        "import-weights", checkpoint, "-g", tmp_path / "g.json", "--layout", "x", "-o", output
    )
    assert not output.exists()
