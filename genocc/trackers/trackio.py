"""Trackio: a run of the project ``genocc``, in Trackio's own folder unless the user's variables name a Space or server.

Trackio reads TRACKIO_DIR when it is imported, so a run folder of its own for each run of a process cannot be had.
"""

from __future__ import annotations

import io
import os
import secrets
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from threading import RLock, get_ident
from typing import Any, ClassVar, cast
from unittest.mock import patch

from genocc.runs.tracking import PROJECT, Noted, TrackedRun, Tracker, distributions, scalars
from genocc.trackers.pictures import pictures


class Trackio(Tracker):
    """A run that goes on has the same name, and Trackio says which of its epochs it has: it writes them later."""

    package: ClassVar[str] = "trackio"

    def __init__(self) -> None:
        with _quietly():
            from huggingface_hub import constants
            from trackio import Histogram, Image, init

        self._histogram, self._image, self._init, self._hub = Histogram, Image, init, constants

    def begin(self, run: TrackedRun, noted: Noted) -> Noted:
        self._of = run
        its = noted.id or secrets.token_hex(4)
        # Trackio asks Hugging Face for the name of a user with a token, of a run that stays here as well.
        local = not (os.environ.get("TRACKIO_SPACE_ID") or os.environ.get("TRACKIO_SERVER_URL"))
        with _quietly(), patch.object(self._hub, "HF_HUB_OFFLINE", local or self._hub.HF_HUB_OFFLINE):
            self._run = self._init(
                PROJECT, f"{run.name}-{its}", config=dict(run.config), resume="allow", embed=False,
                auto_log_gpu=False, auto_log_cpu=False,
            )  # fmt: skip
        return Noted(id=its, epochs=max(0, self._run._next_step - 1))

    def epoch(self, line: Mapping[str, Any]) -> None:
        histograms = {tag: self._histogram(values) for tag, values in distributions(line)}
        self._log({"epoch": line["epoch"], **dict(scalars(line)), **histograms}, line["epoch"])

    def finish(self, result: Mapping[str, Any], epoch: int) -> None:
        from PIL.Image import open as opened

        images = pictures(self._of.path, self._of.command)
        shown = {name: self._image(opened(io.BytesIO(png))) for name, png in images.items()}
        self._log({**dict(scalars({"result": result})), **shown}, epoch)

    def close(self, finished: bool) -> None:
        with _quietly():
            self._run.finish()

    def _log(self, content: Mapping[str, Any], epoch: int) -> None:
        with _quietly():
            self._run.log(dict(content), step=epoch)


_ALONE = RLock()
"""Standard output and warnings are the whole process's: two threads would put back each other's."""


@contextmanager
def _quietly() -> Iterator[None]:
    """Takes what Trackio prints on standard output, which is the command's, and raises what it only warns of."""
    with _ALONE, redirect_stdout(cast("Any", _Muted(sys.stdout))), warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        yield
    if said := [str(one.message) for one in heard if "trackio" in str(one.message).lower()]:
        raise RuntimeError(said[0])


class _Muted:
    """A stream that takes nothing from the thread that made it; other threads write as before."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._thread = stream, get_ident()

    def write(self, text: str) -> int:
        return len(text) if get_ident() == self._thread else int(self._stream.write(text))

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
