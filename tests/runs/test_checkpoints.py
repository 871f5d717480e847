"""Checkpoints: the newest whole one is found wherever a process is killed, and none of them runs code."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from genocc.errors import RunError
from genocc.runs.checkpoints import check_kinds, load_checkpoint, save_checkpoint
from genocc.runs.folder import open_run
from genocc.runs.reading import CHECKPOINTS, read_history
from tests.runs.begun import begun


def state(number: int) -> dict[str, object]:
    return {
        "number": number,
        "net": {"w": torch.full((3,), float(number)), "steps": torch.tensor(number)},
        "none": None,
    }


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    with begun(tmp_path) as run:
        assert load_checkpoint(run) is None
        save_checkpoint(run, state(7))
        restored = load_checkpoint(run)
    assert restored is not None
    assert (restored["number"], restored["none"]) == (7, None)
    assert torch.equal(restored["net"]["w"], torch.full((3,), 7.0))
    assert restored["net"]["steps"] == 7


def test_the_newest_two_checkpoints_stay(tmp_path: Path) -> None:
    with begun(tmp_path) as run:
        for number in range(5):
            save_checkpoint(run, state(number))
        assert sorted(path.name for path in (tmp_path / CHECKPOINTS).iterdir()) == ["00000004.pt", "00000005.pt"]


def test_checkpoints_hold_no_code(tmp_path: Path) -> None:
    """A pickle that would run something is refused, and the checkpoint before it is taken."""

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'executed'}",)

    with begun(tmp_path) as run:
        save_checkpoint(run, state(1))
        torch.save({"number": Evil()}, tmp_path / CHECKPOINTS / "00000002.pt")
        restored = load_checkpoint(run)
        assert restored is not None
        assert restored["number"] == 1
    assert not (tmp_path / "executed").exists()
    assert "00000002.pt cannot be read" in (tmp_path / "log.txt").read_text()


def test_checkpoints_that_were_removed_are_missed(tmp_path: Path) -> None:
    with begun(tmp_path) as run:
        assert load_checkpoint(run) is None
        run.append({"epoch": 1})
        assert load_checkpoint(run) is None  # killed between the line and the checkpoint that makes it final
        run.append({"epoch": 2})
        with pytest.raises(RunError, match="no checkpoint in it, though epochs have ended"):
            load_checkpoint(run)


def test_a_spoilt_checkpoint_falls_back_and_two_are_an_error(tmp_path: Path) -> None:
    with begun(tmp_path) as run:
        save_checkpoint(run, state(1))
        save_checkpoint(run, state(2))
        older, newer = sorted((tmp_path / CHECKPOINTS).iterdir())
        newer.write_bytes(newer.read_bytes()[:100])
        restored = load_checkpoint(run)
        assert restored is not None
        assert restored["number"] == 1
        older.write_bytes(b"")
        with pytest.raises(RunError, match="no checkpoint in it can be read"):
            load_checkpoint(run)


@pytest.mark.parametrize("content", [[1], None, 7, "text", torch.zeros(3)])
def test_a_checkpoint_that_is_no_state_is_as_good_as_spoilt(content: object, tmp_path: Path) -> None:
    with begun(tmp_path) as run:
        save_checkpoint(run, state(1))
        torch.save(content, tmp_path / CHECKPOINTS / "00000002.pt")
        restored = load_checkpoint(run)
        assert restored is not None
        assert restored["number"] == 1
    assert "00000002.pt cannot be read, trying the one before it: found a" in (tmp_path / "log.txt").read_text()


def test_killed_in_the_middle_of_writing_checkpoints_the_newest_whole_one_is_found(tmp_path: Path) -> None:
    program = (
        "import sys, torch\n"
        "from genocc.runs.checkpoints import save_checkpoint\n"
        "from genocc.runs.folder import open_run\n"
        "with open_run(sys.argv[1], 'search', {}) as run:\n"
        "    run.begin()\n"
        "    for number in range(10**6):\n"
        "        run.append({'epoch': number + 1})\n"
        "        save_checkpoint(run, {'epoch': number + 1, 'w': torch.full((10**6,), float(number + 1))})\n"
        "        print(number, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(3):
            process.stdout.readline()
        time.sleep(0.02)
        process.kill()
    with open_run(tmp_path, "search", {}, resume=True) as run:
        restored = load_checkpoint(run)
        assert restored is not None
        assert (restored["w"] == restored["epoch"]).all()
        run.truncate(restored["epoch"])
        assert len(read_history(tmp_path)) == restored["epoch"] >= 3
        names = [path.name for path in (tmp_path / CHECKPOINTS).iterdir()]
        assert all(name.endswith(".pt") and not name.startswith(".") for name in names)  # no leavings
    assert json.loads((tmp_path / "config.json").read_text())["command"] == "search"


@pytest.mark.parametrize(
    "tensor",
    [
        torch.ones(3).to_sparse(),
        torch.ones(3, device="meta"),
        torch.ones(1).expand(10**11),
    ],
)
def test_a_tensor_that_no_run_writes_spoils_a_checkpoint(tensor: torch.Tensor, tmp_path: Path) -> None:
    with begun(tmp_path) as run:
        save_checkpoint(run, state(1))
        save_checkpoint(run, {"number": 2, "net": {"w": [torch.ones(2, 1).expand(2, 5), tensor]}})
        restored = load_checkpoint(run)
        assert restored is not None
        assert restored["number"] == 1


def test_tensors_that_were_cast_are_noticed_wherever_they_are() -> None:
    check_kinds({"a": [{"b": torch.ones(2)}], "c": 1}, {"a": ({"b": torch.zeros(2), "d": None},), "c": None})
    for other in (torch.ones(2, dtype=torch.complex64), torch.ones(2, dtype=torch.int64), torch.ones(1, 2)):
        with pytest.raises(ValueError, match=r"a tensor of torch.*; expected torch.float32, \(2,\)"):
            check_kinds({"a": [{"b": other}]}, {"a": ({"b": torch.zeros(2)},)})
