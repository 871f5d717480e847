"""Settings of matplotlib for one figure. They are the whole program's, so one thread at a time has its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_LOCK = threading.RLock()


@contextmanager
def figure_style(settings: Mapping[str, Any]) -> Iterator[None]:
    """Draws with settings within the context, and puts back those that there were.

    Without the lock, two threads could put back each other's.
    """
    from matplotlib import rc_context

    changed: Any = dict(settings)
    with _LOCK, rc_context(changed):
        yield
