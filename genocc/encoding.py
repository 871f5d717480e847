"""Bytes of a text file as text: UTF-8, or what a byte order mark says; anything else is an error with a guess."""

from __future__ import annotations

import codecs
import re

from genocc.errors import FileError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
r"""What no text has; \x1b starts the colours of a terminal."""
_BINARY = {
    b"PK\x03\x04": "a zip archive or a PyTorch checkpoint",
    b"\x80\x02": "a Python pickle or an old PyTorch checkpoint",
    b"\x80\x03": "a Python pickle",
    b"\x80\x04": "a Python pickle",
    b"\x80\x05": "a Python pickle",
    b"\x93NUMPY": "a NumPy array",
    b"\x1f\x8b": "a gzip archive",
    b"%PDF": "a PDF document",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"\x7fELF": "a program",
    b"SQLite format 3": "a data base",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
}


def decoded(content: bytes, where: str) -> str:
    """Returns the text of a file.

    Args:
        content: Its bytes.
        where: Its name, or ``-``, for messages.

    Raises:
        FileError: It is neither UTF-8 nor what its byte order mark says; the message names the likely encoding and
            how to convert it.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            try:
                return content[len(mark) :].decode(encoding)
            except UnicodeDecodeError as error:
                raise FileError(
                    f"{where}: not {encoding.upper()} text, as its first bytes say (byte {len(mark) + error.start}); "
                    "is it complete?"
                ) from None
    for start, kind in _BINARY.items():
        if content.startswith(start):
            raise FileError(f"{where}: not a text, but {kind}; expected a text file")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FileError(
            f"{where}: not UTF-8 text (byte {error.start}, line {line}); {_advice(content, where)}"
        ) from None
    if content.count(0) > len(content) // 4:
        raise FileError(f"{where}: not UTF-8 text (NUL characters); {_advice(content, where)}")
    return text


def _advice(content: bytes, where: str) -> str:
    if (likely := _likely(content)) is None:
        return "expected a text file"
    name = "FILE" if where == "-" else where
    return f"it looks like {likely}; convert it: iconv -f {likely} -t UTF-8 {name}"


def _likely(content: bytes) -> str | None:
    """The likely encoding of bytes that are not UTF-8; None for what is no text."""
    zeros = content.count(0)
    if zeros > len(content) // 4:
        likely = "UTF-16LE" if content[1::2].count(0) >= content[::2].count(0) else "UTF-16BE"
        return None if _CONTROL.search(content.decode(likely, "replace")) else likely
    if zeros or _CONTROL.search(content.decode("latin-1")):
        return None
    if _is_paired(content):
        for encoding in ("GBK", "GB18030"):
            if _decodes(content, encoding):
                return encoding
    return "CP1252" if _decodes(content, "cp1252") else "LATIN1"


def _is_paired(content: bytes) -> bool:
    """Whether most bytes outside ASCII stand in pairs, as Chinese characters do and accented letters do not."""
    lead, paired, lone = False, 0, 0
    for byte in content:
        if lead:
            paired, lone = (paired + 1, lone) if byte >= 0x80 else (paired, lone + 1)
            lead = False
        else:
            lead = byte >= 0x81
    return paired > lone


def _decodes(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
