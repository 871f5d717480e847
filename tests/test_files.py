"""Reading with limits and writing all or nothing."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from genocc.errors import FileError
from genocc.files import discard_temporaries, read_bytes, read_text, write_atomically


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_atomically(path, "größer")
    assert read_text(path, limit=100) == "größer"
    write_atomically(path, b"\x00\x01")
    assert read_bytes(path, limit=2) == b"\x00\x01"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failing_writer_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_atomically(path, "old")

    def fail(temporary: Path) -> None:
        temporary.write_text("half of the new")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_writer_sees_the_suffix(tmp_path: Path) -> None:
    seen: list[str] = []
    write_atomically(tmp_path / "a.svg", lambda path: seen.append(path.suffix))
    assert seen == [".svg"]


def test_permissions_are_those_of_any_new_file_or_of_the_old_one(tmp_path: Path) -> None:
    ordinary, replaced = tmp_path / "ordinary", tmp_path / "replaced"
    ordinary.write_text("")
    write_atomically(tmp_path / "new", "")
    assert (tmp_path / "new").stat().st_mode == ordinary.stat().st_mode
    replaced.write_text("")
    replaced.chmod(0o640)
    write_atomically(replaced, "x")
    assert stat.S_IMODE(replaced.stat().st_mode) == 0o640


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_atomically(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


def test_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"missing: no such file"):
        read_text(tmp_path / "missing", limit=10)
    with pytest.raises(FileError, match="is a directory; expected a file"):
        read_text(tmp_path, limit=10)
    with pytest.raises(FileError, match="is a directory; expected a file"):
        write_atomically(tmp_path, "x")
    with pytest.raises(FileError, match=r"no-folder: no such folder"):
        write_atomically(tmp_path / "no-folder" / "a", "x")
    if Path("/proc").exists():
        with pytest.raises(FileError, match=r"/proc/a: cannot write there"):
            write_atomically("/proc/a", "x")
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    with pytest.raises(FileError, match=r"latin: not UTF-8 text \(byte 3, line 1\); it looks like CP1252"):
        read_text(tmp_path / "latin", limit=10)
    (tmp_path / "big").write_bytes(b"x" * 11)
    with pytest.raises(FileError, match="big: larger than the limit of 10 bytes"):
        read_text(tmp_path / "big", limit=10)
    with pytest.raises(FileError, match="cannot read"):
        read_text("a\0b", limit=10)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root and Windows may write everywhere")
def test_no_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(FileError, match="no permission to write"):
        write_atomically(tmp_path / "a", "x")


def test_endless_devices_are_read_to_the_limit_only() -> None:
    with pytest.raises(FileError, match="larger than the limit"):
        read_bytes("/dev/zero", limit=1000)


def test_a_name_as_long_as_there_may_be_is_written_and_a_longer_one_refused(tmp_path: Path) -> None:
    write_atomically(tmp_path / ("ä" * 125 + ".txt"), "x")
    with pytest.raises(FileError, match=r"cannot write: File name too long; choose a shorter name$") as caught:
        write_atomically(tmp_path / ("a" * 300), "x")
    assert len(str(caught.value)) < 300
    with pytest.raises(FileError, match="cannot read: File name too long"):
        read_text(tmp_path / ("a" * 300), limit=10)


def test_no_umask_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is that of all threads: a file that another makes meanwhile would be open to everybody."""
    monkeypatch.setattr(os, "umask", pytest.fail)
    write_atomically(tmp_path / "a", "x")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_device_without_room_is_named() -> None:
    with pytest.raises(FileError, match=r"^/dev/full: cannot write: No space left on device; make room, or choose"):
        write_atomically("/dev/full", "x")


def test_a_pipe_whose_reader_has_gone_is_no_error_of_a_file() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        write_atomically(f"/dev/fd/{writer}", "x")
    os.close(writer)


def test_what_is_half_written_can_be_discarded(tmp_path: Path) -> None:
    def half(path: Path) -> None:
        path.write_text("half")
        assert list(tmp_path.iterdir()) == [path]
        discard_temporaries()
        assert not list(tmp_path.iterdir())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "a.txt", half)


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(FileError, match="cannot write: no file can have this name"):
        write_atomically(name, "x")


def pair(first: str, second: str) -> Callable[[Path], None]:
    """Writes a file and its companion."""

    def write(path: Path) -> None:
        path.with_suffix(".bin").write_text(second)
        path.write_text(first)

    return write


def test_companions_appear_with_their_file(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    for number in ("1", "2"):
        write_atomically(path, pair(f"xml {number}", f"bin {number}"), [".bin"])
        assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {
            "a.xml": f"xml {number}",
            "a.bin": f"bin {number}",
        }


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("fault", ["writer", "first rename", "second rename"])
def test_both_appear_or_neither(before: bool, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.xml"
    if before:
        write_atomically(path, pair("old xml", "old bin"), [".bin"])
    found = {p.name: p.read_text() for p in tmp_path.iterdir()}

    def write(temporary: Path) -> None:
        pair("new xml", "new bin")(temporary)
        if fault == "writer":
            raise KeyboardInterrupt

    moved: list[Path] = []
    replace = Path.replace

    def fails(self: Path, target: Path) -> Path:
        if len(moved) == ["first rename", "second rename"].index(fault):
            moved.append(self)
            raise OSError(5, "Input/output error")
        moved.append(self)
        return replace(self, target)

    if fault != "writer":
        monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(KeyboardInterrupt if fault == "writer" else FileError):
        write_atomically(path, write, [".bin"])
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == found


def test_a_companion_that_is_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.bin").mkdir()
    with pytest.raises(FileError, match=r"a\.bin: is a directory; expected a file"):
        write_atomically(tmp_path / "a.xml", pair("xml", "bin"), [".bin"])
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]
