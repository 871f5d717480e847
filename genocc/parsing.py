"""Python's own parser, for one thread at a time."""

from __future__ import annotations

import ast
from contextlib import suppress
from threading import Lock

_ALONE = Lock()
_TRIES = 16


def syntax_tree(text: str, mode: str = "exec") -> ast.AST:
    """Returns what `ast.parse` does, with its errors.

    Python before 3.11.9 and 3.12.3 counts the depth of the trees of all threads together, and now and then raises
    SystemError for it (CPython's issue 106905). Other parts of the program may parse too, so it is tried again.
    """
    for _ in range(_TRIES):
        with suppress(SystemError), _ALONE:
            return ast.parse(text, mode=mode)
    with _ALONE:
        return ast.parse(text, mode=mode)
