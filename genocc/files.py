"""Reading with a size limit and writing all or nothing: every file that genocc touches goes through here."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any

from genocc.encoding import decoded
from genocc.errors import FileError, quoted

STDOUT = "standard output"
"""Its name, for messages."""

_TEMPORARY: set[Path] = set()
"""The files that are being written."""


def read_bytes(path: str | Path, *, limit: int) -> bytes:
    """Returns the content of a file, or of standard input for ``-``.

    Args:
        path: The file.
        limit: The most bytes to accept; no more than this is ever read into memory.

    Raises:
        FileError: The file is missing, a directory, unreadable or longer than ``limit``.
    """
    if str(path) == "-":
        if sys.stdin is None:
            raise FileError("standard input: is closed; give a file, or open it")
        with explained("standard input", "read"):
            content = sys.stdin.buffer.read(limit + 1)
    else:
        with explained(path, "read"), open(path, "rb") as stream:
            content = stream.read(limit + 1)
    if len(content) > limit:
        raise FileError(f"{path}: larger than the limit of {limit:,} bytes for a file of this kind")
    return content


def read_text(path: str | Path, *, limit: int) -> str:
    """Returns the content of a text file; arguments as `read_bytes`, encodings and errors as `decoded` too."""
    return decoded(read_bytes(path, limit=limit), str(path))


def json_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Returns an object of a JSON text, as ``object_pairs_hook``; ValueError where a name is there twice.

    Python would keep the last and drop the others without a word.
    """
    if (twice := repeated_name(pairs)) is not None:
        raise ValueError(f"the name {quoted(twice)} is there twice in one object")
    return dict(pairs)


def repeated_name(pairs: Sequence[tuple[str, Any]]) -> str | None:
    """Returns the first name that is there more than once; None if there is none."""
    counts = Counter(name for name, _ in pairs)
    return next((name for name, count in counts.items() if count > 1), None)


def write_atomically(
    path: str | Path, content: bytes | str | Callable[[Path], None], companions: Sequence[str] = ()
) -> None:
    """Writes a file all or nothing: a failure or Ctrl-C leaves what was there before.

    No file system renames several files at once: a program that is killed between the renames, or a machine that stops
    there, leaves companions of the new file with the old one, or with none.

    Args:
        path: The destination. ``-`` is standard output, under whatever name; a device or a pipe is written to directly.
        content: The bytes, the text (stored as UTF-8), or a function that writes the file it is given (which has
            the destination's suffix, and is in the destination's folder if that is a file).
        companions: Suffixes of further files that the function writes, each beside the file that it is given.

    Raises:
        FileError: The folder is missing, the destination is a directory, or writing fails.
    """
    if isinstance(content, str):
        content = content.encode("utf-8")
    if is_stdout(path):
        if sys.__stdout__ is None and getattr(sys.stdout, "name", None) == os.devnull:  # the program's: see __main__
            raise FileError(f"{STDOUT}: is closed; give a file, or open it")
        produced = _produced(content)
        with explained(STDOUT, "write"):
            sys.stdout.flush()
            sys.stdout.buffer.write(produced)
            sys.stdout.buffer.flush()
        return
    with explained(path, "write"):
        given = Path(path)
        if given.is_dir():
            raise IsADirectoryError
        if given.exists() and not given.is_file():
            given.write_bytes(_produced(content))
        else:
            _replace(Path(os.path.realpath(given)), content, companions)


@contextmanager
def filled_folder(path: str | Path) -> Iterator[Callable[[str, str], Path]]:
    """Yields what writes a file, by name and text, into a new or empty folder: a failure or Ctrl-C leaves none of them.

    Raises:
        FileError: The folder is not empty, or cannot be made; or a file cannot be written.
    """
    folder = Path(path)
    written: list[Path] = []

    def write(name: str, text: str) -> Path:
        place = folder / name
        _TEMPORARY.add(place)
        written.append(place)
        write_atomically(place, text)
        return place

    made: list[Path] = []
    try:
        with explained(folder, "make"):
            made += takewhile(lambda one: not one.exists(), (folder, *folder.parents))
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise FileError(f"{folder}: is not empty; choose a new or empty folder")
        yield write
    except BaseException:
        with contextlib.suppress(OSError):  # what went wrong is the error to report
            for place in written:
                place.unlink(missing_ok=True)
            for one in made:
                one.rmdir()
        raise
    finally:
        _TEMPORARY.difference_update(written)


def is_stdout(path: str | Path) -> bool:
    """Whether a destination is standard output: ``-``, ``/dev/stdout`` or another name of the same file or pipe."""
    if str(path) == "-":
        return True
    try:
        return os.path.samestat(Path(path).stat(), os.fstat(sys.stdout.fileno()))
    except (OSError, ValueError, AttributeError):  # no such file, or an object without one in the stream's place
        return False


_TEMPORARY_NAME = re.compile(r"\..{1,30}\.[0-9a-f]{12}(\.[^.]{0,14})?(\.old)?", re.DOTALL)


def is_temporary(path: Path) -> bool:
    """Whether a file has a name such as `write_atomically` gives to those that are not whole yet."""
    return _TEMPORARY_NAME.fullmatch(path.name) is not None and path.is_file()


def discard_temporaries() -> None:
    """Removes the files that are half written, for a process that is about to end without further ado."""
    for path in list(_TEMPORARY):
        with contextlib.suppress(OSError):
            path.unlink()


@contextmanager
def explained(path: str | Path, verb: str) -> Iterator[None]:
    """Turns the errors of the operating system within the context into a `FileError` of one line.

    A pipe whose reader has gone stays a BrokenPipeError.

    Args:
        path: The file that messages name.
        verb: What was to be done: ``read`` or ``write``.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise file_error(error, path, verb) from None
    except ValueError:
        if _is_name(path):
            raise
        raise FileError(f"{quoted(str(path))}: cannot {verb}: no file can have this name") from None


def _is_name(path: str | Path) -> bool:
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeError:
        return False


def file_error(error: OSError, path: str | Path, verb: str) -> FileError:
    """Returns the `FileError` for an error of the operating system; the arguments are those of `explained`."""
    if isinstance(error, FileNotFoundError):
        missing = path if verb != "write" else os.path.dirname(path) or "."
        if verb == "write" and Path(missing).is_dir():  # /proc, in which no file can be made
            return FileError(f"{path}: cannot {verb} there; choose another place")
        return FileError(f"{missing}: no such {'folder' if verb == 'write' else 'file'}; check the path")
    if isinstance(error, IsADirectoryError):
        return FileError(f"{path}: is a directory; expected a file")
    if isinstance(error, PermissionError):
        return FileError(f"{path}: no permission to {verb}")
    return FileError(f"{shortened(path)}: cannot {verb}: {error.strerror or error}{advice(error)}")


def advice(error: OSError) -> str:
    """Returns the end of a message about an error of the operating system: what to do, where that is known."""
    return _ADVICE.get(error.errno, "")


_ADVICE: dict[int | None, str] = {
    errno.ENOSPC: "; make room, or choose another place",
    errno.EDQUOT: "; make room, or choose another place",
    errno.EFBIG: "; raise the limit of file sizes (ulimit -f), or choose another place",
    errno.EROFS: "; choose another place",
    errno.ENAMETOOLONG: "; choose a shorter name",
    errno.EMFILE: "; raise the limit of open files (ulimit -n)",
}


LONGEST = 200
"""The most characters of what was found that a message quotes."""


def shortened(path: str | Path) -> str:
    """Returns a path as messages show it: the middle of one that is beyond all measure is left out."""
    text = str(path)
    return text if len(text) <= LONGEST else f"{text[:100]}...{text[-60:]}"


def _produced(content: bytes | Callable[[Path], None]) -> bytes:
    if not callable(content):
        return content
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "output")
        content(path)
        return path.read_bytes()


def _replace(target: Path, content: bytes | Callable[[Path], None], companions: Sequence[str]) -> None:
    # Short enough for a folder in which the target's name is the longest that there may be.
    temporary = target.with_name(f".{target.stem[:30]}.{secrets.token_hex(6)}{target.suffix[:15]}")
    places = {temporary.with_suffix(suffix): target.with_suffix(suffix) for suffix in companions} | {temporary: target}
    _TEMPORARY.update(places)
    try:
        # With the permissions of any new file: reading them from the umask would set that of the whole program.
        for path in places:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        if callable(content):
            content(temporary)
        else:
            temporary.write_bytes(content)
        for path, place in places.items():
            with open(path, "rb+") as stream:
                os.fsync(stream.fileno())
            with contextlib.suppress(FileNotFoundError):
                path.chmod(stat.S_IMODE(place.stat().st_mode))
        _move(places)
    finally:
        for path in places:
            with contextlib.suppress(OSError):  # what went wrong with the file is the error to report
                path.unlink(missing_ok=True)
            _TEMPORARY.discard(path)


def _move(places: Mapping[Path, Path]) -> None:
    """Moves files to their places, in order; where one cannot, those before it get back what was there."""
    companions = list(places)[:-1]
    kept = {path: path.with_name(f"{path.name}.old") for path in companions}
    _TEMPORARY.update(kept.values())
    try:
        for path in companions:
            if places[path].is_dir():
                raise FileError(f"{places[path]}: is a directory; expected a file")
            if places[path].exists():
                shutil.copy2(places[path], kept[path])
        try:
            for path in places:
                path.replace(places[path])
        except BaseException:
            for path in companions:
                if kept[path].exists():
                    kept[path].replace(places[path])
                elif not path.exists():  # it has been moved, and nothing was there before
                    places[path].unlink(missing_ok=True)
            raise
    finally:
        for path in kept.values():
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            _TEMPORARY.discard(path)
