"""Reading with a size limit and writing all or nothing: every file that genocc touches goes through here."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from genocc.errors import FileError


def read_bytes(path: str | Path, *, limit: int) -> bytes:
    """Returns the content of a file, or of standard input for ``-``.

    Args:
        path: The file.
        limit: The most bytes to accept; no more than this is ever read into memory.

    Raises:
        FileError: The file is missing, a directory, unreadable or longer than ``limit``.
    """
    if str(path) == "-":
        content = sys.stdin.buffer.read(limit + 1)
    else:
        with _explained(path, "read"), open(path, "rb") as stream:
            content = stream.read(limit + 1)
    if len(content) > limit:
        raise FileError(f"{path}: larger than the limit of {limit:,} bytes for a file of this kind")
    return content


def read_text(path: str | Path, *, limit: int) -> str:
    """Returns the content of a UTF-8 file; see `read_bytes` for the arguments and errors."""
    try:
        return read_bytes(path, limit=limit).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: not UTF-8 text (byte {error.start}); expected a text file") from None


def write_atomically(path: str | Path, content: bytes | str | Callable[[Path], None]) -> None:
    """Writes a file all or nothing: a failure or Ctrl-C leaves what was there before.

    Args:
        path: The destination. ``-`` is standard output; a device or a pipe is written to directly.
        content: The bytes, the text (stored as UTF-8), or a function that writes the file it is given (which has
            the destination's suffix, and is in the destination's folder if that is a file).

    Raises:
        FileError: The folder is missing, the destination is a directory, or writing is not permitted.
    """
    if isinstance(content, str):
        content = content.encode("utf-8")
    if str(path) == "-":
        sys.stdout.buffer.write(_produced(content))
        sys.stdout.buffer.flush()
        return
    with _explained(path, "write"):
        target = Path(os.path.realpath(path))
        if target.is_dir():
            raise IsADirectoryError
        if target.exists() and not target.is_file():
            target.write_bytes(_produced(content))
        else:
            _replace(target, content)


def _produced(content: bytes | Callable[[Path], None]) -> bytes:
    if not callable(content):
        return content
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "output")
        content(path)
        return path.read_bytes()


def refuse_overwriting(output: str | Path, *inputs: str | Path | None) -> None:
    """Checks that a command does not write over what it reads.

    Raises:
        FileError: The output is one of the inputs, or a file of a run folder that is one.
    """
    target = Path(output)
    for given in inputs:
        if given is not None and target.is_file() and Path(given).is_dir() and target.parent.samefile(given):
            raise FileError(f"{output}: is a file of the run that is read; choose another name for the output")
        if given is not None and target.is_file() and Path(given).exists() and target.samefile(given):
            raise FileError(f"{output}: is also an input of this command; choose another name for the output")


def _replace(target: Path, content: bytes | Callable[[Path], None]) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem}.", suffix=target.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        if callable(content):
            content(temporary)
        else:
            temporary.write_bytes(content)
        with open(temporary, "rb+") as stream:
            os.fsync(stream.fileno())
        temporary.chmod(_mode(target))
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _mode(target: Path) -> int:
    """The permissions of the file that is replaced, or those of any new file (mkstemp's are stricter)."""
    with contextlib.suppress(FileNotFoundError):
        return stat.S_IMODE(target.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


@contextmanager
def _explained(path: str | Path, verb: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        missing = path if verb == "read" else os.path.dirname(path) or "."
        if Path(missing).is_dir():  # /proc, in which no file can be made
            raise FileError(f"{path}: cannot {verb} there; choose another place") from None
        raise FileError(f"{missing}: no such {'file' if verb == 'read' else 'folder'}; check the path") from None
    except IsADirectoryError:
        raise FileError(f"{path}: is a directory; expected a file") from None
    except PermissionError:
        raise FileError(f"{path}: no permission to {verb}") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise FileError(f"{path}: cannot {verb}: {reason}") from None
