"""Disks that are full, broken or forbidden: one line that names the file, exit code 2, and nothing lost."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import pytest

from genocc.runs.reading import CHECKPOINTS
from tests.faults import faulty, library
from tests.searchers.small import assert_same as assert_same_search
from tests.training.tiny import GENOTYPE, TINY, assert_same

resource = pytest.importorskip("resource", reason="Windows has none of these faults")

NET = ("--channels", "4", "--layers", "3", "--input-size", "16")
TRAINING = ("--preset", "cifar", *(word for text in TINY for word in ("--set", text)), "--device", "cpu")
SEARCH = (
    *("--method", "darts", "--data", "fake", "--input-size", "8", "--epochs", "1", "--device", "cpu"),
    *("--set", "space=ss1", "--set", "data.training=24", "--set", "data.validation=20", "--set", "supernet.layers=3"),
    *("--set", "schedule.batch_size=8", "--set", "supernet.channels=4", "--set", "topology.nodes=2"),
)
STAGED = {
    "p-darts": ("schedule.epochs=3", "schedule.operations=[4,3]", "schedule.add_layers=[0,1,1]", "schedule.warmup=0.5"),
    "drnas": ("schedule.epochs=3", "connection.partial=2", "schedule.partial=[1]", "schedule.operations=[2]"),
}
"""Methods whose net is rebuilt on the way, with settings for which that happens in a few epochs."""
SAID = {
    errno.ENOSPC: "No space left on device; make room, or choose another place",
    errno.EIO: "Input/output error",
    errno.EROFS: "Read-only file system; choose another place",
}

CALLS = [("write", errno.ENOSPC), ("write", errno.EIO), ("open", errno.EACCES), ("fsync", errno.EIO)]
CALLS += [("rename", errno.EROFS)]
OUTPUTS = {
    "pt2": ("compile", "zoo:darts-v2", "--to", "pt2", *NET, "--no-verify"),
    "py": ("compile", "zoo:darts-v2", "--to", "python", *NET, "--no-verify"),
    "onnx": ("compile", "zoo:darts-v2", "--to", "onnx", *NET, "--no-verify"),
    "safetensors": ("compile", "zoo:darts-v2", "--to", "torch", *NET, "--no-verify"),
    "svg": ("draw", "zoo:darts-v2"),
    "pdf": ("draw", "zoo:darts-v2"),
    "txt": ("export-text", "zoo:darts-v2", "--to", "darts"),
    "gif": ("draw", "SEARCH"),
    "html": ("report", "SEARCH"),
}
NAMES = {
    "checkpoint/.": "checkpoint/00000001.pt",
    "history.jsonl": "history.jsonl",
    "log.txt": "log.txt",
    ".best.": "best.safetensors",
    ".config.": "config.json",
}
"""What the paths of a file have in common, as it is written -> the file."""
FILES_OF_RUNS = [
    *(("checkpoint/.", call, number) for call, number in CALLS),
    *(("history.jsonl", call, number) for call, number in CALLS[:4]),
    *(("log.txt", call, number) for call, number in CALLS[:3]),
    *((".best.", call, number) for call, number in CALLS),
    *((".config.", call, number) for call, number in CALLS),
]
OFTEN = [("checkpoint/.", "write", errno.ENOSPC), ("log.txt", "open", errno.EACCES)]


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return library(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="module")
def search_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("search") / "run"
    command = [sys.executable, "-m", "genocc", "search", *SEARCH, "--out", folder]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def error(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a failure; lines of progress may stand before it."""
    assert done.returncode == 2, done.stderr
    *before, line = done.stderr.splitlines()
    assert not [text for text in before if not text.startswith(("tiny ", "epoch ", "darts ", *STAGED))], done.stderr
    assert "standard output" not in line
    assert "standard error" not in line
    return line


def said(path: Path | str, number: int, verb: str = "write") -> str:
    if number == errno.EACCES:
        return f"genocc: error: {path}: no permission to {verb}"
    return f"genocc: error: {path}: cannot {verb}: {SAID[number]}"


def temporaries(folder: Path) -> list[Path]:
    return [path for path in folder.rglob(".*") if path.name != ".lock"]


def check_output(faults: Path, run: Path, suffix: str, call: str, number: int, folder: Path) -> None:
    output = folder / f"result_.{suffix}"
    output.write_text("before")
    command = [str(run) if word == "SEARCH" else word for word in OUTPUTS[suffix]]
    done = faulty(faults, "result_", call, number, *command, "-o", output, after=100)
    assert error(done) == said(output, number)
    assert output.read_text() == "before"
    assert not temporaries(folder)


@pytest.mark.parametrize(("suffix", "call", "number"), [("pt2", *CALLS[0]), ("gif", *CALLS[1]), ("txt", *CALLS[4])])
def test_an_output_that_cannot_be_written_is_named_and_keeps_what_it_was(
    faults: Path, search_run: Path, suffix: str, call: str, number: int, tmp_path: Path
) -> None:
    check_output(faults, search_run, suffix, call, number, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize(("call", "number"), CALLS)
@pytest.mark.parametrize("suffix", OUTPUTS)
def test_no_output_that_cannot_be_written_is_lost(
    faults: Path, search_run: Path, suffix: str, call: str, number: int, tmp_path: Path
) -> None:
    check_output(faults, search_run, suffix, call, number, tmp_path)


def check_run(faults: Path, whole: Path, part: str, call: str, number: int, folder: Path) -> None:
    """A training fails; once there is room again it goes on to the same end."""
    genotype, run = folder / "tiny.json", folder / "run"
    genotype.write_text(GENOTYPE.dumps())
    done = faulty(faults, f"run/{part}", call, number, "train", genotype, *TRAINING, "--out", run, after=100)
    assert error(done) == said(run / NAMES[part], number)
    resumed = ("--resume",) if (run / "config.json").exists() else ()
    command = [sys.executable, "-m", "genocc", "train", genotype, *TRAINING, "--out", run, *resumed]
    subprocess.run(command, check=True, capture_output=True)
    assert_same(run, whole)
    assert not temporaries(run)


@pytest.mark.parametrize(("part", "call", "number"), OFTEN)
def test_a_training_without_room_names_its_file_and_goes_on_later(
    faults: Path, training_run: Path, part: str, call: str, number: int, tmp_path: Path
) -> None:
    check_run(faults, training_run, part, call, number, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize(("part", "call", "number"), FILES_OF_RUNS)
def test_no_fault_of_a_disk_ends_a_training_for_good(
    faults: Path, training_run: Path, part: str, call: str, number: int, tmp_path: Path
) -> None:
    check_run(faults, training_run, part, call, number, tmp_path)


def settings(texts: Iterable[str]) -> list[str]:
    return [word for text in texts for word in ("--set", text)]


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Undisturbed searches of the methods with stages, and of two seeds, and trainings of two seeds, by name."""
    folder = tmp_path_factory.mktemp("staged")

    @cache
    def run(name: str) -> Path:
        command = [sys.executable, "-m", "genocc", *several(folder)[name], "--out", str(folder / name)]
        subprocess.run(command, check=True, capture_output=True)
        return folder / name

    return run


def several(folder: Path) -> dict[str, list[str]]:
    """Commands of runs with several nets one after the other."""
    (folder / "tiny.json").write_text(GENOTYPE.dumps())
    return {
        **{
            method: ["search", *SEARCH, "--method", method, "--epochs", "3", *settings(("space=ss1-no-zero", *texts))]
            for method, texts in STAGED.items()
        },
        "search": ["search", *SEARCH, "--seeds", "2"],
        "train": ["train", str(folder / "tiny.json"), *TRAINING, "--seeds", "2"],
    }


RUNS_OF_SEVERAL = [
    *((method, f"checkpoint/.{n:08}", *call) for method in STAGED for n in (2, 3) for call in (CALLS[0], CALLS[4])),
    *((method, name, *CALLS[1]) for method in STAGED for name in (".genotype.", "history.jsonl")),
    *((command, f"seed-{seed}/checkpoint/.", *CALLS[0]) for command in ("search", "train") for seed in (0, 1)),
    *((command, "seed-1/log.txt", *CALLS[2]) for command in ("search", "train")),
    *((command, "seed-1", "mkdir", errno.ENOSPC) for command in ("search", "train")),
    *((command, "run/log.txt", *CALLS[0]) for command in ("search", "train")),
    ("search", "run/.genotype.", *CALLS[1]),
    ("train", "run/.seeds.", *CALLS[3]),
    ("search", "run/.config.", *CALLS[0]),
    ("train", "seed-1/.last.", *CALLS[4]),
]


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("name", "part", "call", "number"), RUNS_OF_SEVERAL)
def test_no_fault_of_a_disk_ends_a_run_of_several_nets_for_good(
    faults: Path, staged: Callable[[str], Path], name: str, part: str, call: str, number: int, tmp_path: Path
) -> None:
    whole, run, command = staged(name), tmp_path / "run", several(tmp_path)[name]
    line = error(
        faulty(faults, part, call, number, *command, "--out", run, after=0 if part.endswith("log.txt") else 100)
    )
    assert line.startswith(f"genocc: error: {run}"), line
    assert line.endswith("no permission to write" if number == errno.EACCES else SAID[number]), line
    assert not temporaries(run)
    resumed = ("--resume",) if (run / "config.json").exists() else ()
    again = [sys.executable, "-m", "genocc", *command, "--out", str(run), *resumed]
    subprocess.run(again, check=True, capture_output=True)
    for folder in sorted(path.parent for path in whole.rglob("history.jsonl")):
        same = assert_same if name == "train" else assert_same_search
        same(run / folder.relative_to(whole), folder)
    for file in ("genotype.json", "seeds.json"):
        if (whole / file).exists():
            assert (run / file).read_bytes() == (whole / file).read_bytes()


@pytest.mark.parametrize(
    ("command", "part", "call", "number"),
    [
        (("evaluate", "RUN"), "run/best.safetensors", "open", errno.EACCES),
        (("count", "RUN"), "run/config.json", "read", errno.EIO),
        (("train", "--resume", "--out", "RUN"), "00000003.pt", "open", errno.EACCES),
    ],
)
def test_what_cannot_be_read_is_named(
    faults: Path, training_run: Path, command: tuple[str, ...], part: str, call: str, number: int, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(training_run, run)
    if "--resume" in command:
        (run / "last.safetensors").unlink()
    line = error(faulty(faults, part, call, number, *(str(run) if word == "RUN" else word for word in command)))
    assert line.startswith(f"genocc: error: {run}/"), line
    assert line.endswith(f"{Path(part).name}{said('', number, 'read').removeprefix('genocc: error: ')}"), line
    assert "start a new run" not in line


def test_a_limit_of_file_sizes_is_one_line(training_run: Path, tmp_path: Path) -> None:
    """Within a checkpoint, whose writer is PyTorch's and says nothing of a limit."""
    genotype, run = tmp_path / "tiny.json", tmp_path / "run"
    genotype.write_text(GENOTYPE.dumps())
    size = max(path.stat().st_size for path in (training_run / CHECKPOINTS).iterdir()) // 2
    done = subprocess.run(
        [sys.executable, "-m", "genocc", "train", genotype, *TRAINING, "--out", run],
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")},  # it writes too
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )
    line = error(done)
    assert line == (
        f"genocc: error: {run}/checkpoint/00000001.pt: cannot write: File too large; raise the limit of file sizes "
        "(ulimit -f), or choose another place"
    )
    assert not temporaries(run)


def test_a_run_that_is_deleted_while_it_runs_is_named(tmp_path: Path) -> None:
    genotype, run = tmp_path / "tiny.json", tmp_path / "run"
    genotype.write_text(GENOTYPE.dumps())
    settings = [word.replace("schedule.epochs=3", "schedule.epochs=9000") for word in TRAINING]
    command = [sys.executable, "-m", "genocc", "train", str(genotype), *settings, "--out", str(run)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while not process.stderr.readline().startswith("epoch"):
            assert process.poll() is None
        shutil.rmtree(run, ignore_errors=True)
        shutil.rmtree(run, ignore_errors=True)  # it may have written meanwhile
        rest = process.stderr.read()
        assert process.wait() == 2, rest
    line = rest.splitlines()[-1]
    assert line.startswith(f"genocc: error: {run}")
    assert "no such folder" in line or "no such file" in line
    assert "Traceback" not in rest


@pytest.mark.full
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="only root mounts a small disk")
def test_a_small_disk(tmp_path: Path, training_run: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        genotype = tmp_path / "tiny.json"
        genotype.write_text(GENOTYPE.dumps())
        command = [sys.executable, "-m", "genocc", "train", genotype, *TRAINING, "--out", disk / "run"]
        line = error(subprocess.run(command, capture_output=True, text=True))
        assert line.startswith(f"genocc: error: {disk}/run/")
        assert line.endswith(SAID[errno.ENOSPC])
        command = [
            sys.executable,
            "-m",
            "genocc",
            "compile",
            "zoo:darts-v2",
            "--to",
            "onnx",
            *NET,
            "-o",
            disk / "a.onnx",
        ]
        line = error(subprocess.run(command, capture_output=True, text=True))
        assert line == said(disk / "a.onnx", errno.ENOSPC)
        assert not temporaries(disk)
    finally:
        subprocess.run(["umount", disk], check=True)
