"""Run folders: one process at a time, nothing half-written, resumable wherever a process is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from genocc.errors import FileError, RunError
from genocc.runs.folder import Run, open_run
from genocc.runs.reading import CHECKPOINTS, HISTORY, read_config, read_history

CONFIG = {"seed": 1, "schedule": {"epochs": 3}}


@contextmanager
def begun(path: Path, *, resume: bool = False) -> Iterator[Run]:
    """A run that has something to do."""
    with open_run(path, "search", CONFIG, resume=resume) as run:
        run.begin()
        yield run


def state(number: int) -> dict[str, object]:
    return {
        "number": number,
        "net": {"w": torch.full((3,), float(number)), "steps": torch.tensor(number)},
        "none": None,
    }


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"  # parents are made
    with begun(folder) as run:
        assert not run.finished
        assert run.restore() is None
        run.append({"epoch": 1, "loss": 0.5})
        run.save(state(7))
        restored = run.restore()
        assert restored is not None
        assert restored["number"] == 7
        assert torch.equal(restored["net"]["w"], torch.full((3,), 7.0))
        run.finish("the genotype")
        assert run.finished
    assert read_config(folder, "search") == CONFIG
    assert read_history(folder) == [{"epoch": 1, "loss": 0.5}]
    assert (folder / "genotype.json").read_text() == "the genotype"


def test_the_newest_two_checkpoints_stay(tmp_path: Path) -> None:
    with begun(tmp_path) as run:
        for number in range(5):
            run.save(state(number))
        assert sorted(path.name for path in (tmp_path / CHECKPOINTS).iterdir()) == ["00000004.pt", "00000005.pt"]


def test_checkpoints_hold_no_code(tmp_path: Path) -> None:
    """A pickle that would run something is refused, and the checkpoint before it is taken."""

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'executed'}",)

    with begun(tmp_path) as run:
        run.save(state(1))
        torch.save({"number": Evil()}, tmp_path / CHECKPOINTS / "00000002.pt")
        restored = run.restore()
        assert restored is not None
        assert restored["number"] == 1
    assert not (tmp_path / "executed").exists()
    assert "00000002.pt cannot be read" in (tmp_path / "log.txt").read_text()


def test_checkpoints_that_were_removed_are_missed(tmp_path: Path) -> None:
    with begun(tmp_path) as run:
        assert run.restore() is None
        run.append({"epoch": 1})
        assert run.restore() is None  # killed between the line and the checkpoint that makes it final
        run.append({"epoch": 2})
        with pytest.raises(RunError, match="no checkpoint in it, though epochs have ended"):
            run.restore()


def test_a_spoilt_checkpoint_falls_back_and_two_are_an_error(tmp_path: Path) -> None:
    with begun(tmp_path) as run:
        run.save(state(1))
        run.save(state(2))
        older, newer = sorted((tmp_path / CHECKPOINTS).iterdir())
        newer.write_bytes(newer.read_bytes()[:100])
        restored = run.restore()
        assert restored is not None
        assert restored["number"] == 1
        older.write_bytes(b"")
        with pytest.raises(RunError, match="no checkpoint in it can be read"):
            run.restore()


def test_the_history_is_cut_to_what_the_checkpoint_says(tmp_path: Path) -> None:
    with begun(tmp_path) as run:
        for epoch in range(3):
            run.append({"epoch": epoch + 1})
        with open(tmp_path / HISTORY, "a") as stream:
            stream.write('{"epoch": 4, "lo')  # killed while writing
        assert [line["epoch"] for line in read_history(tmp_path)] == [1, 2, 3]
        run.truncate(3)
        run.append({"epoch": 4})
        assert [line["epoch"] for line in read_history(tmp_path)] == [1, 2, 3, 4]
        run.truncate(2)
        assert [line["epoch"] for line in read_history(tmp_path)] == [1, 2]
        with pytest.raises(RunError, match=r"history.jsonl: 2 epochs; the checkpoint is from after epoch 3"):
            run.truncate(3)


def test_losses_that_are_no_numbers_never_get_into_the_history(tmp_path: Path) -> None:
    with begun(tmp_path) as run, pytest.raises(ValueError, match="not JSON compliant"):
        run.append({"loss": float("nan")})


def test_a_run_is_not_begun_twice_and_goes_on_with_its_own_settings(tmp_path: Path) -> None:
    with begun(tmp_path):
        pass
    with pytest.raises(RunError, match="has a run in it; go on with --resume"), begun(tmp_path):
        pass
    with begun(tmp_path, resume=True):
        pass
    other = {**CONFIG, "schedule": {"epochs": 9}}
    with (
        pytest.raises(RunError, match=r"schedule.epochs is 3, not 9; a run keeps its settings"),
        open_run(tmp_path, "search", other, resume=True),
    ):
        pass
    with (
        pytest.raises(RunError, match="has a run of `genocc search` in it; choose another --out"),
        open_run(tmp_path, "train", CONFIG, resume=True),
    ):
        pass


def test_resuming_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(RunError, match="no such run to resume; check the path"),
        begun(tmp_path / "b", resume=True),
    ):
        pass
    assert not (tmp_path / "b").exists()
    with pytest.raises(RunError, match=r"no run in it \(config.json is missing\)"):
        read_config(tmp_path, "search")


def test_a_run_that_was_killed_before_its_first_write_begins_anew(tmp_path: Path) -> None:
    (tmp_path / ".lock").touch()
    (tmp_path / ".config.abcd.json").write_text('{"comm')
    with begun(tmp_path, resume=True) as run:
        assert run.restore() is None
    assert not (tmp_path / ".config.abcd.json").exists()


def test_a_run_that_never_begins_leaves_no_folder_behind(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no images"), open_run(tmp_path / "new", "search", CONFIG):
        raise RunError("no images")
    assert not (tmp_path / "new").exists()
    (tmp_path / "mine").mkdir()
    with pytest.raises(RunError, match="no images"), open_run(tmp_path / "mine", "search", CONFIG):
        raise RunError("no images")
    assert (tmp_path / "mine").exists()
    with begun(tmp_path / "mine"):
        pass


def test_a_folder_with_other_things_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(RunError, match=r"other files in it \(thesis.tex\)"), begun(tmp_path):
        pass
    with (
        pytest.raises(FileError, match="cannot be used as a run folder"),
        open_run(tmp_path / "thesis.tex", "s", CONFIG),
    ):
        pass


def test_a_config_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(RunError, match="not the configuration of a run"):
        read_config(tmp_path, "search")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(RunError, match="not JSON"):
        read_config(tmp_path, "search")


def test_a_folder_in_use_is_refused_until_its_process_is_gone(tmp_path: Path) -> None:
    program = (
        "import sys, time\n"
        "from genocc.runs.folder import open_run\n"
        "with open_run(sys.argv[1], 'search', {}):\n"
        "    print('open', flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        with (
            pytest.raises(RunError, match="in use by another process"),
            begun(tmp_path, resume=True),
        ):
            pass
        process.send_signal(signal.SIGKILL)
    with begun(tmp_path, resume=True):
        pass


def test_killed_in_the_middle_of_writing_checkpoints_the_newest_whole_one_is_found(tmp_path: Path) -> None:
    program = (
        "import sys, torch\n"
        "from genocc.runs.folder import open_run\n"
        "with open_run(sys.argv[1], 'search', {}) as run:\n"
        "    run.begin()\n"
        "    for number in range(10**6):\n"
        "        run.append({'epoch': number + 1})\n"
        "        run.save({'epoch': number + 1, 'w': torch.full((10**6,), float(number + 1))})\n"
        "        print(number, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(3):
            process.stdout.readline()
        time.sleep(0.02)
        process.kill()
    with open_run(tmp_path, "search", {}, resume=True) as run:
        restored = run.restore()
        assert restored is not None
        assert (restored["w"] == restored["epoch"]).all()
        run.truncate(restored["epoch"])
        assert len(read_history(tmp_path)) == restored["epoch"] >= 3
        names = [path.name for path in (tmp_path / CHECKPOINTS).iterdir()]
        assert all(name.endswith(".pt") and not name.startswith(".") for name in names)  # no leavings
    assert json.loads((tmp_path / "config.json").read_text())["command"] == "search"
