"""Run folders: one process at a time, nothing half-written, resumable wherever a process is killed."""

import errno
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from genocc.errors import FileError, RunError
from genocc.runs.folder import open_run, wait_until_free
from genocc.runs.reading import HISTORY, LOCK, read_config, read_history
from tests.runs.begun import CONFIG, begun


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"  # parents are made
    with begun(folder) as run:
        assert not run.finished
        run.append({"epoch": 1, "loss": 0.5})
        run.finish("the genotype")
        assert run.finished
    assert read_config(folder, "search") == CONFIG
    assert read_history(folder) == [{"epoch": 1, "loss": 0.5}]
    assert (folder / "genotype.json").read_text() == "the genotype"


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


def test_hidden_files_of_others_stay_and_half_written_ones_of_ours_go(tmp_path: Path) -> None:
    kept = (".pre-commit-config.yaml", ".env.local", ".a.0123456789ag.pt", ".nothing.")
    swept = (".config.0123456789ab.json", ".00000001.0123456789ab.pt", ".net.0123456789ab.bin.old", ".n.0123456789ab")
    for name in (*kept, *swept):
        (tmp_path / name).write_text("content")
    (tmp_path / ".folder.0123456789ab.d").mkdir()
    with begun(tmp_path):
        pass
    found = {path.name for path in tmp_path.iterdir()}
    assert found.issuperset({*kept, ".folder.0123456789ab.d"})
    assert found.isdisjoint(swept)


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
        pytest.raises(RunError, match=r"schedule.epochs \(--epochs\) is 3, not 9; a run keeps its settings"),
        open_run(tmp_path, "search", other, resume=True),
    ):
        pass
    with (
        pytest.raises(RunError, match="has a run of `genocc search` in it; choose another --out"),
        open_run(tmp_path, "train", CONFIG, resume=True),
    ):
        pass


DATA = {"name": "imagefolder", "classes": ["a", "b"], "train": [3, 3], "test": [1, 1], "digests": ["0f", "1f"]}


def of_data(folder: str, epochs: int = 3, **data: object) -> dict[str, object]:
    return {
        "schedule": {"epochs": epochs},
        "data": {"name": "imagefolder", "folder": folder, "download": False, **data},
    }


def test_data_may_move_but_not_change(tmp_path: Path) -> None:
    with open_run(tmp_path, "train", of_data("old")) as run:
        run.note_data(DATA)
        run.begin()
    with open_run(tmp_path, "train", of_data("new", download=True), resume=True) as run:
        with pytest.raises(RunError, match=r"not those that .* began with: class 'b' is gone and class 'c' is new"):
            run.note_data({**DATA, "classes": ["a", "c"]})
        assert read_config(tmp_path, "train") == of_data("old")
        run.note_data(DATA)
        run.begin()
    assert read_config(tmp_path, "train") == of_data("new", download=True)
    with (
        pytest.raises(RunError, match=r"config.json: schedule.epochs \(--epochs\) is 3, not 5"),
        open_run(tmp_path, "train", of_data("old", 5), resume=True),
    ):
        pass


def test_files_of_settings_may_not_change(tmp_path: Path) -> None:
    with open_run(tmp_path / "a", "search", of_data("old")) as run:
        run.note_files({"budget.latency": "1"})
        run.begin()
    with open_run(tmp_path / "a", "search", of_data("new"), resume=True) as run:
        run.begin()  # the data have moved
    with open_run(tmp_path / "a", "search", of_data("new"), resume=True) as run:
        run.note_files({"budget.latency": "1"})
        with pytest.raises(RunError, match=r"a: the file of budget.latency is not the one that the run began with"):
            run.note_files({"budget.latency": "2"})
    with open_run(tmp_path / "b", "search", {}) as run:
        run.note_files({})
        run.begin()
    assert "known_files" not in (tmp_path / "b" / "config.json").read_text()
    with open_run(tmp_path / "b", "search", {}, resume=True) as run:
        run.note_files({"budget.latency": "1"})  # a run of an older version has noted none


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genocc.runs.folder.MAX_CONFIG", 400)
    with open_run(tmp_path / "a", "train", {}) as run:
        run.note_data({**DATA, "classes": [f"class {number}" for number in range(40)]})
        with pytest.raises(RunError, match=r"larger than 400 bytes: the data have too many classes"):
            run.begin()
    assert not (tmp_path / "a").exists()


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
    (tmp_path / ".config.0123456789ab.json").write_text('{"comm')
    with begun(tmp_path, resume=True):
        assert read_config(tmp_path, "search") == CONFIG
    assert not (tmp_path / ".config.0123456789ab.json").exists()


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


def test_withdrawn_a_run_leaves_the_folder_to_another(tmp_path: Path) -> None:
    with begun(tmp_path / "a") as run:
        run.log("failed")
        run.withdraw()
    with begun(tmp_path / "a"):
        assert read_config(tmp_path / "a", "search") == CONFIG


def test_writing_run_folders_needs_no_torch() -> None:
    program = "import sys; import genocc.runs.folder; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK])
def test_a_file_system_without_locks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """A file in the place of the lock would outlive a process that is killed."""

    def flock(descriptor: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(FileError, match=r"its file system does not lock files \(flock\)"), open_run(tmp_path, "x", {}):
        pass
    with suppress(FileNotFoundError):
        (tmp_path / LOCK).unlink()


def test_a_folder_is_waited_for(tmp_path: Path) -> None:
    wait_until_free(tmp_path / "none", 0)
    program = "import sys, time; from genocc.runs.folder import open_run\nwith open_run(sys.argv[1], 'x', {}) as run:\n"
    program += " run.begin(); print(1, flush=True); time.sleep(float(sys.argv[2]))"
    for seconds, limit, free in (("0.4", 20, True), ("60", 0.1, False)):
        folder = tmp_path / seconds
        line = [sys.executable, "-c", program, folder, seconds]
        with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            assert process.stdout.readline() == "1\n"
            wait_until_free(folder, limit)
            if not free:
                with pytest.raises(RunError, match="in use by another process"), open_run(folder, "x", {}, resume=True):
                    pass
                process.kill()  # the lock ends with it
                process.wait()
            with open_run(folder, "x", {}, resume=True):
                pass
