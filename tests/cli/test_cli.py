"""Commands as a user runs them: output, exit codes, and one line for every error."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

import genocc
from genocc import Genotype
from genocc.cli import app
from genocc.cli.console import StandardStream
from genocc.errors import GenoccError
from genocc.source import Source
from tests.cli.commands import error, run

COMMANDS = sorted(get_command(app).commands)  # type: ignore[attr-defined]


def test_version_and_help() -> None:
    assert run("--version").output == f"genocc {genocc.__version__}\n"
    assert "GENOTYPE is a genotype file, a run folder" in run("--help").output
    process = subprocess.run([sys.executable, "-m", "genocc", "--version"], capture_output=True, text=True)
    assert process.stdout == f"genocc {genocc.__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert f" {name} " in result.output


def test_errors_are_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    assert f"{broken}: $: not JSON" in error("count", str(broken))
    assert "missing.json: no such file" in error("count", str(tmp_path / "missing.json"))
    assert "a folder without genotype.json" in error("show", str(tmp_path))
    assert "did you mean 'zoo:darts-v2'?" in error("count", "zoo:darts-v3")
    assert "$: not JSON" in error("count", "-", input="")
    assert "expected HxW such as 32x32" in error("count", "zoo:darts-v2", "--input-size", "32,32")
    assert "--input-size: found 99999" in error("count", "zoo:darts-v2", "--input-size", "99999")
    assert "layers: found 0" in error("count", "zoo:darts-v2", "--layers", "0")
    huge = tmp_path / "huge.json"
    huge.write_bytes(b" " * 2**21)
    assert "larger than the limit of 1,048,576 bytes" in error("show", str(huge))


def test_control_characters_in_names_stay_on_one_line() -> None:
    assert "a\\nb\\x1b[31m: no such file" in error("show", "a\nb\x1b[31m")


def test_an_input_is_never_the_output(darts_v2: Genotype, tmp_path: Path) -> None:
    path = tmp_path / "same.svg"
    path.write_text(darts_v2.dumps())
    assert "is also an input of this command" in error("draw", str(path), "-o", str(path))
    assert "is also an input of this command" in error("import", str(path), "--from", "darts", "-o", str(path))
    assert path.read_text() == darts_v2.dumps()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_output_that_cannot_be_written() -> None:
    command = f"{sys.executable} -m genocc zoo list"
    full = subprocess.run(f"{command} > /dev/full", shell=True, capture_output=True, text=True)
    assert full.returncode == 2
    assert full.stderr == (
        "genocc: error: standard output: cannot write: No space left on device; make room, or choose another place\n"
    )
    closed = subprocess.run(["bash", "-c", f"set -o pipefail; {command} | head -1"], capture_output=True, text=True)
    assert (closed.returncode, closed.stderr) == (0, "")


HELPS = [["--help"], ["--version"], [], *([name, "--help"] for name in COMMANDS), ["zoo", "list"]]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("arguments", HELPS, ids=" ".join)
def test_help_that_cannot_be_written(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        stream = StandardStream._over(open("/dev/full", "w"), "standard output")  # noqa: SIM115
        patched.setattr(sys, "stdout", stream)
        with pytest.raises(SystemExit) as ended:
            app(arguments, prog_name="genocc")
        with contextlib.suppress(GenoccError):
            stream.close()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("genocc: error: standard output: cannot write: No space left on device")


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Runs a line of bash in which ``genocc`` is the program."""
    function = f'genocc() {{ "{sys.executable}" -m genocc "$@"; }}; set -o pipefail; {line}'
    return subprocess.run(["bash", "-c", function], capture_output=True, cwd=folder)


CLOSED = "is closed; give a file, or open it"


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("genocc show - <&-", 2, f"genocc: error: standard input: {CLOSED}\n"),
        ("genocc show - <&- >&-", 2, f"genocc: error: standard input: {CLOSED}\n"),
        ("genocc show - <&- 2>&-", 2, ""),
        ("genocc show nothing 2>/dev/full", 2, ""),
        ("genocc nothing 2>&-", 2, ""),
        ("genocc show zoo:darts-v2 >&-", 0, ""),
        ("genocc export-text zoo:darts-v2 --to darts >&-", 2, f"genocc: error: standard output: {CLOSED}\n"),
        ("genocc --version | true", 0, ""),
        ("genocc show --help | true", 0, ""),
    ],
)
def test_streams_that_are_closed(line: str, code: int, said: str, tmp_path: Path) -> None:
    done = shell(line, tmp_path)
    assert (done.returncode, done.stderr.decode()) == (code, said)


def test_a_file_on_standard_output_has_nothing_else_in_it(tmp_path: Path) -> None:
    command = "genocc compile zoo:darts-v2 --channels 4 --layers 2 --no-verify --to onnx -o"
    assert shell(f"{command} net.onnx", tmp_path).returncode == 0
    for output in ("-", "/dev/stdout", "/dev/fd/1"):
        done = shell(f"{command} {output} | cat", tmp_path)
        assert done.stdout == (tmp_path / "net.onnx").read_bytes()
        assert b"untrained weights" in done.stderr
    shell("genocc draw zoo:darts-v2 -o cells.dot > cells.dot; genocc draw zoo:darts-v2 -o other.dot", tmp_path)
    assert (tmp_path / "cells.dot").read_bytes() == (tmp_path / "other.dot").read_bytes()
    for mixing in (f"{command} /dev/stdout --json", "genocc diff zoo:darts-v1 zoo:darts-v2 -o c.svg > c.svg"):
        done = shell(mixing, tmp_path)
        assert done.returncode == 2
        assert b"is standard output, where this command prints its result; choose another file" in done.stderr


def test_an_ascii_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    command = [sys.executable, "-m", "genocc", "diff", "zoo:darts-v1", "zoo:darts-v2"]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 1
    assert process.stderr == ""


def test_use_errors_exit_with_2() -> None:
    assert run("count").exit_code == 2
    assert run("count", "zoo:darts-v2", "--nothing").exit_code == 2
    assert run("nothing").exit_code == 2
    assert run("count", "zoo:darts-v2", "--by", "colour").exit_code == 2


def test_ctrl_c_exits_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: Source) -> Genotype:
        raise KeyboardInterrupt

    monkeypatch.setattr("genocc.source.Source.genotype", property(interrupted))
    result = run("count", "zoo:darts-v2")
    assert result.exit_code == 130
    assert result.stderr == "genocc: interrupted\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "No such command 'nonsense'; see genocc --help"),
        (["count"], "Missing argument 'GENOTYPE'; see genocc count --help"),
        (["count", "zoo:darts-v2", "--nonsense"], "No such option: --nonsense"),
        (["count", "zoo:darts-v2", "--layers", "x"], "Invalid value for '--layers': "),
        (["zoo", "nonsense"], "see genocc zoo --help"),
        (
            ["search", "--max-macs", "9" * 400],
            "is no amount; expected a whole number such as 600M, 1.5G or 1,500,000; see genocc",
        ),
    ],
)
def test_a_wrong_use_is_one_line_too(arguments: list[str], message: str) -> None:
    assert message in error(*arguments)


LONG = "9" * 5000


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", f"zoo:{LONG}"],
        ["count", "zoo:darts-v2", "--channels", LONG],
        ["count", "zoo:darts-v2", "--input-size", LONG],
        ["count", "zoo:darts-v2", "--skeleton", LONG],
        ["verify", "net.onnx", "--batch", LONG],
        ["search", "--data", "fake", "--seed", LONG[:400]],
        ["search", "--data", "fake", "--penalty-macs", LONG],
        ["search", "--data", "fake", "--set", f"schedule.epochs={LONG}"],
        ["search", "--data", "fake", "--set", f"schedule.{LONG}=1"],
        ["search", "--data", "fake", "--set", LONG],
        ["search", "--data", "fake", "--set", "space.name=" + "[" * 100_000],
        ["train", "zoo:darts-v2", "--data", "fake", "--set", f"data.training=1{'0' * 400}"],
        ["compile", "zoo:darts-v2", "--to", LONG, "-o", "net.onnx"],
        ["draw", "zoo:darts-v2", "-o", f"net.{LONG}"],
        ["evaluate", "net.onnx", "--pixels", LONG],
        [LONG],
    ],
)
def test_what_was_found_is_quoted_briefly(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    line = error(*arguments)
    assert "9" * 201 not in line
    assert "[" * 201 not in line
    assert len(line) < 800
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["count", ""], "argument"),
        (["count", "zoo:darts-v2", "--skeleton", ""], "--skeleton"),
        (["compile", "zoo:darts-v2", "--to", "onnx", "-o", "net.onnx", "--class-names", ""], "--class-names"),
        (["compile", "zoo:darts-v2", "--to", "onnx", "-o", "net.onnx", "--normalize="], "--normalize"),
        (["train", "zoo:darts-v2", "--data", ""], "--data"),
        (["search", "--preset", ""], "--preset"),
        (["draw", "zoo:darts-v2", "-o", ""], "-o"),
    ],
)
def test_an_empty_text_is_not_taken_for_none(arguments: list[str], what: str) -> None:
    assert f"error: {what}: found an empty text; give a value, or leave it out" in error(*arguments)


def test_digits_of_other_scripts_are_no_digits() -> None:
    assert "--input-size: found '٣٢'; expected HxW" in error("count", "zoo:darts-v2", "--input-size", "٣٢")
    assert "--batch: found '٣'; expected numbers" in error("verify", "net.onnx", "--batch", "٣")
    assert "--layers" in error("count", "zoo:darts-v2", "--layers", "٣")
    assert "is no amount" in error("search", "--max-macs", "٣M")


@pytest.mark.parametrize(
    "message",
    [
        "[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes",
        "CUDA out of memory. Tried to allocate 20.00 GiB",
        "std::bad_alloc",
        "Storage size calculation overflowed with sizes=[9, 9]",
    ],
)
def test_memory_that_is_not_enough_is_one_line(message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError(message)

    monkeypatch.setattr(genocc, "count", fail)
    assert "not enough memory for this; choose a smaller net, batch or image" in error("count", "zoo:darts-v2")
    message = "another fault"
    with pytest.raises(RuntimeError, match="another fault"):
        run("count", "zoo:darts-v2")


@pytest.mark.parametrize(
    "arguments",
    [
        ("search", "--method", "word " * 500),
        ("search", "--preset", "word " * 500),
        ("sample", "-o", "x", "--space", "it's " * 500),
        ("search", "--set", f"topology.name={'word ' * 500}"),
        ("show", f"zoo:{'word ' * 500}"),
        ("compile", "zoo:darts-v2", "--passes", "word " * 500, "-o", "x.onnx"),
        ("compile", "zoo:darts-v2", "--to", "word " * 500, "-o", "x.onnx"),
    ],
)
def test_words_that_are_short_make_no_long_line(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    line = error(*arguments)
    assert len(line) < 1300
    assert line.count("word") + line.count("it's") <= 45  # 200 characters, and once more as what to do


def test_columns_without_number_make_no_long_line(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text(",".join(f"column{number}" for number in range(9000)) + "\n" + "1," * 8999 + "1\n")
    assert len(error("rank", table, "--x", "a", "--y", "b")) < 1300
