"""Bytes of a text file as text: UTF-8, or what a byte order mark says; anything else is an error with a guess."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

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
        FileError: It is neither UTF-8 nor what its byte order mark says; the message names the likely encoding, or
            those that it may be, and how to convert it.
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
    likely, sure = _likely(content)
    if not likely:
        return "expected a text file"
    name = "FILE" if where == "-" else where
    words = f"it {'looks like' if sure else 'may be'} {' or '.join(likely)}"
    return f"{words}; convert it: iconv -f {likely[0]} -t UTF-8 {name}"


def _likely(content: bytes) -> tuple[list[str], bool]:
    """The likely encodings of bytes that are not UTF-8, and whether they are more than a guess; none for no text."""
    zeros = content.count(0)
    if zeros > len(content) // 4:
        likely = "UTF-16LE" if content[1::2].count(0) >= content[::2].count(0) else "UTF-16BE"
        return ([], False) if _CONTROL.search(content.decode(likely, "replace")) else ([likely], True)
    if zeros or _CONTROL.search(content.decode("latin-1")):
        return [], False
    scores = {name: score for name in _USUAL if (score := _score(content, name)) is not None}
    for wide, narrow in (("GB18030", "GBK"), ("LATIN1", "CP1252")):
        if narrow in scores:
            scores.pop(wide, None)
    if scores.get("EUC-KR") == 1 and _pairs(content) > _FEW:  # Chinese has characters beyond those of Hangul
        scores["GBK"] *= _RARE
    best = max(scores.values(), default=0.0)
    if best >= _PLAIN:
        found = [name for name, score in scores.items() if score > best - _CLOSE]
        return found[:3], len(found) == 1
    western = "CP1252" if _decoded(content, "cp1252") is not None else "LATIN1"
    paired = [name for name in scores if name in _PAIRED] if _is_paired(content) else []
    return [*paired[:2], western][:2], False


_PLAIN, _CLOSE, _LOOKED_AT = 0.7, 0.08, 2000
"""Share of usual characters that tells an encoding; difference of shares that does not; characters that count."""
_FEW, _RARE = 3, 0.85
"""Characters that may lack by chance what texts in an encoding have; factor of the share where more of them do."""


def _score(content: bytes, name: str) -> float | None:
    """Share of the characters beyond ASCII that texts in an encoding usually have; None where it is not valid."""
    if (text := _decoded(content, name)) is None:
        return None
    runs = [run[0] for run in re.finditer(r"[^\x00-\x7f]+", text[: 50 * _LOOKED_AT])]
    usual = total = 0.0
    for run in runs:
        usual += _USUAL[name](run)
        total += len(run)
        if total > _LOOKED_AT:
            break
    share = usual / total if total else 0.0
    if name in ("SHIFT_JIS", "EUC-JP") and total > _FEW and not any(_KANA.search(run) for run in runs):
        return share * _RARE  # Japanese has kana
    if name == "BIG5" and total > _FEW and not _BIG5_OWN.search(content):
        return share * _RARE  # two of five characters have a second byte of ASCII
    return share


def _pairs(content: bytes) -> int:
    return sum(byte >= 0x80 for byte in content[: 50 * _LOOKED_AT]) // 2


_BIG5_OWN = re.compile(rb"[\xa4-\xf9][\x40-\x7e]")


_KANA = re.compile("[\u3041-\u30fe]")
_PUNCTUATION = re.compile("[\u3000-\u303f\uff01-\uff5e\u2010-\u2026\u00b7\u00d7]")


def _within(encoding: str, first: int, last: int, also: str = "") -> Callable[[str], float]:
    """Counts characters whose first byte in an encoding is between two, those of a class, and punctuation."""
    others = re.compile(f"[{also}]") if also else None

    def count(run: str) -> float:
        return sum(is_usual(character) for character in run)

    def is_usual(character: str) -> bool:
        if _PUNCTUATION.match(character) or (others is not None and others.match(character)):
            return True
        return first <= character.encode(encoding, "replace")[0] <= last

    return count


def _chinese(run: str) -> float:
    """Usual simplified characters; usual traditional ones, which GBK has as well, count less."""
    return max(_SIMPLIFIED(run), 0.9 * _TRADITIONAL(run))


def _western(run: str) -> float:
    """Letters among ASCII letters, alone or in pairs of one case; quotation marks and dashes."""
    letters = run.strip("\u2018\u2019\u201c\u201d\u2013\u2014\u2026\u00ab\u00bb\u00a0\u00b0\u20ac")
    alike = letters.islower() or letters.isupper()
    return len(run) - len(letters) + (len(letters) if alike and _LETTERS.fullmatch(letters) else 0)


_LETTERS = re.compile("[\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff\u0152\u0153\u0160\u0161\u0178\u017d\u017e]{1,2}")


def _cyrillic(run: str) -> float:
    """Words of three letters or more in one case, or with a capital letter at the beginning; a few signs."""
    words = re.findall("[\u0410-\u044f\u0401\u0451]{3,}", run)
    usual = sum(len(word) for word in words if word in (word.lower(), word.capitalize(), word.upper()))
    return usual + len(re.findall("[\u2013\u2014\u00ab\u00bb\u2116\u2026]", run))


_SIMPLIFIED = _within("gb2312", 0xB0, 0xD7)
_TRADITIONAL = _within("big5", 0xA4, 0xC6)
_JAPANESE = _within("euc-jp", 0xB0, 0xCF, "\u3041-\u30fe")
_USUAL: dict[str, Callable[[str], float]] = {
    "GBK": _chinese,
    "EUC-KR": _within("ascii", 1, 0, "\uac00-\ud7a3"),
    "SHIFT_JIS": _JAPANESE,
    "EUC-JP": _JAPANESE,
    "BIG5": _TRADITIONAL,
    "GB18030": _chinese,
    "CP1251": _cyrillic,
    "CP1252": _western,
    "LATIN1": _western,
}
"""Encoding, as iconv calls it -> how many characters of a run beyond ASCII are usual in its texts.

Of those that score alike, the first ones are met more often.
"""
_PAIRED = ("GBK", "EUC-KR", "SHIFT_JIS", "EUC-JP", "BIG5", "GB18030")


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


def _decoded(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None
