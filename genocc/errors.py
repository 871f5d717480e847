"""The exceptions of genocc: one root, and a class for each kind of blame.

A message names the place, what was found, what was expected and what to do. The command line prints a
``GenoccError`` as one line and exits with 2; ``InternalError`` alone means that genocc, not its user, is wrong.
"""

import difflib
import re
import sys
from collections.abc import Iterable

from genocc.launcher import is_first


class GenoccError(Exception):
    """Root of every error that genocc raises on purpose."""


class FileError(GenoccError):
    """A file cannot be read or written: missing, a directory, too large, no permission."""


class GenotypeError(GenoccError):
    """A genotype is not valid; the message starts with its JSON path."""


class FormatError(GenoccError):
    """A foreign genotype text cannot be read, or a genotype cannot be expressed in a foreign dialect."""


class NetworkError(GenoccError):
    """A network configuration is not valid, or does not fit the genotype."""


class WeightsError(GenoccError):
    """A set of weights does not fit a network; the message names the tensor."""


class TargetError(GenoccError):
    """A target cannot be produced or checked here: a missing program, provider, opset or option."""


class DataError(GenoccError):
    """A data set cannot be used: a missing folder, a broken image, a class with too few images, a size limit."""


class ConfigError(GenoccError):
    """A search configuration is not valid: an unknown field, a value out of range, parts that exclude each other."""


class RunError(GenoccError):
    """A run folder cannot be used (in use, not a run, of other settings), or its run cannot go on."""


class EngineError(GenoccError):
    """An engine cannot be used or its settings are wrong: it is unknown, its package or its cluster is missing."""


class TableError(GenoccError):
    """A table of results cannot be read or ranked: a missing column or cell, or one that is not a number."""


class InternalError(GenoccError):
    """A graph breaks the rules of the primitive graph: a fault in a lowering or a pass, not in the input."""


def quoted(value: object, limit: int = 60) -> str:
    """Returns what was found as a message quotes it: as Python writes it, the middle left out where it is long."""
    text = value if isinstance(value, str) else _written(value)
    if len(text) > limit:
        half = (limit - 3) // 2
        text = f"{text[:half]}...{text[-half:]}"
    return repr(text) if isinstance(value, str) else text


def _written(value: object) -> str:
    try:
        return repr(value)
    except ValueError:  # an integer of more digits than Python writes
        return f"a number of about {value.bit_length() * 0.30103:,.0f} digits" if isinstance(value, int) else "..."
    except RecursionError:
        return f"a {type(value).__name__}, nested too deeply to show"


def expectation(message: str) -> str:
    """Returns pydantic's message on a value ("Input should be greater than 0") as the end of ours: "expected ..."."""
    said = re.sub(r"^Input should be (?=greater|less)", "expected a number ", message)
    said = re.sub(r"^Input should (be|have) ", "expected ", said)
    return said[:1].lower() + said[1:]


def did_you_mean(name: str, choices: Iterable[str], prefix: str = "", otherwise: str = "") -> str:
    """Returns the end of a message about an unknown name.

    Args:
        name: The name that was found.
        choices: The names that are known.
        prefix: Shown before the closest name.
        otherwise: Replaces the list of all known names, which is shown if none is close.
    """
    known = list(choices)
    if close := difflib.get_close_matches(name[:100], known, n=1):  # names of any length come from files
        return f"did you mean '{prefix}{close[0]}'?"
    return otherwise or f"expected one of {', '.join(known)}"


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether an error, PyTorch's among them, says that memory is not enough, or that a size is beyond any memory."""
    said = str(error).lower()
    return any(words in said for words in _MEMORY)


_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "bad_alloc",
    "size calculation overflowed",
    "integer multiplication overflow",
)


def interrupted() -> int:
    """Says that the program was interrupted (Ctrl-C), and returns the exit code for that."""
    if is_first():
        print("genocc: interrupted", file=sys.stderr)
    return 130
