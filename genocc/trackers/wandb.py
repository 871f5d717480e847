"""Weights & Biases: a run of the project ``genocc``, offline unless the user's WANDB_MODE says otherwise."""

from __future__ import annotations

import io
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from genocc.runs.tracking import PROJECT, Noted, TrackedRun, Tracker, distributions, scalars
from genocc.trackers.pictures import pictures


class Wandb(Tracker):
    """A run that goes on has the same id. Offline, it is written anew from its history, in one piece.

    Offline files cannot be continued, and pieces of one id replace each other when they are sent.
    """

    package: ClassVar[str] = "wandb"

    def __init__(self) -> None:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # its own errors, which it sends to its authors
        from wandb import Histogram, Image, Settings, init

        self._histogram, self._image, self._settings, self._init = Histogram, Image, Settings, init

    def begin(self, run: TrackedRun, noted: Noted) -> Noted:
        self._of = run
        mode = os.environ.get("WANDB_MODE", "offline")
        its = noted.id or secrets.token_hex(4)
        folder = Path(os.environ.get("WANDB_DIR", run.folder))
        folder.mkdir(parents=True, exist_ok=True)
        if mode == "offline":
            for earlier in folder.glob(f"wandb/offline-run-*-{its}"):
                shutil.rmtree(earlier)
        self._run = self._init(
            id=its,
            name=run.name,
            config=dict(run.config),
            mode=mode,
            dir=folder,
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            resume="allow" if mode == "online" else None,
            settings=self._settings(  # no more than trackers are promised: not the program, its output, git, machine
                silent=True, console="off", disable_git=True, disable_code=True, x_disable_stats=True,
                x_disable_meta=True, x_disable_machine_info=True, x_save_requirements=False,
            ),
        )  # fmt: skip
        return Noted(id=its, epochs=noted.epochs if mode == "online" else 0)

    def epoch(self, line: Mapping[str, Any]) -> None:
        histograms = {tag: self._histogram(values) for tag, values in distributions(line)}
        self._run.log({"epoch": line["epoch"], **dict(scalars(line)), **histograms}, step=line["epoch"])

    def finish(self, result: Mapping[str, Any], epoch: int) -> None:
        from PIL.Image import open as opened

        images = pictures(self._of.path, self._of.command)
        self._run.log({name: self._image(opened(io.BytesIO(png))) for name, png in images.items()}, step=epoch)
        self._run.summary.update(dict(scalars({"result": result})))

    def close(self, finished: bool) -> None:
        self._run.finish(exit_code=0 if finished else 1)
