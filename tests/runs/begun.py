"""A run that has begun, for tests of what is in its folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genocc.runs.folder import RunFolder, open_run

CONFIG = {"seed": 1, "schedule": {"epochs": 3}}


@contextmanager
def begun(path: Path, *, resume: bool = False) -> Iterator[RunFolder]:
    """Yields the folder of a run that has something to do."""
    with open_run(path, "search", CONFIG, resume=resume) as run:
        run.begin()
        yield run
