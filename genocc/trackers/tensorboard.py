"""TensorBoard: a run as files of events in RUN/tensorboard.

PyTorch's SummaryWriter would write in a thread of its own, whose errors are a traceback on standard error.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from struct import unpack
from typing import Any, ClassVar

import numpy as np

from genocc.files import explained
from genocc.runs.reading import RUN_EVENTS
from genocc.runs.tracking import Noted, TrackedRun, Tracker, distributions, scalars
from genocc.trackers.pictures import pictures

BINS = 30
"""Of a histogram."""


class TensorBoard(Tracker):
    """Each process writes a file of its own, which begins by dropping the epochs from its first on."""

    package: ClassVar[str] = "tensorboard"

    def __init__(self) -> None:
        from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, types_pb2
        from tensorboard.summary.writer.record_writer import RecordWriter

        self._events, self._summaries, self._writer = event_pb2, summary_pb2, RecordWriter
        self._tensors, self._types = tensor_pb2, types_pb2
        self._name = f"events.out.tfevents.{time.time():.6f}.{socket.gethostname()}.{os.getpid()}"
        self._epoch_written = False

    def begin(self, run: TrackedRun, noted: Noted) -> Noted:
        self._run = run
        return noted

    def epoch(self, line: Mapping[str, Any]) -> None:
        epoch, status = line["epoch"], self._events.SessionLog.START
        start = [] if self._epoch_written else [{"session_log": self._events.SessionLog(status=status)}]
        text = [self._config()] if epoch == 1 else []
        histograms = [self._histogram(tag, values) for tag, values in distributions(line)]
        self._write(epoch, start, [*text, *self._scalars(line), *histograms])
        self._epoch_written = True

    def finish(self, result: Mapping[str, Any], epoch: int) -> None:
        images = [self._image(name, png) for name, png in pictures(self._run.path, self._run.command).items()]
        self._write(epoch, [], [*self._scalars({"result": result}), *images])

    def close(self, finished: bool) -> None:
        """Nothing is open between two epochs."""

    def _write(self, epoch: int, events: Iterable[Mapping[str, Any]], values: Iterable[Any]) -> None:
        path, now = self._run.path / RUN_EVENTS / self._name, time.time()
        contents = [*events, *({"summary": self._summaries.Summary(value=[value])} for value in values)]
        made = [self._events.Event(wall_time=now, step=epoch, **content) for content in contents]
        with explained(path, "write"):
            if not path.exists():
                path.parent.mkdir(exist_ok=True)
                made.insert(0, self._events.Event(wall_time=now, file_version="brain.Event:2"))
            with open(path, "ab") as stream:
                writer = self._writer(stream)
                for event in made:
                    writer.write(event.SerializeToString())

    def _value(self, tag: str, **content: Any) -> Any:
        return self._summaries.Summary.Value(tag=tag, **content)

    def _scalars(self, line: Mapping[str, Any]) -> list[Any]:
        return [self._value(tag, simple_value=value) for tag, value in scalars(line)]

    def _histogram(self, tag: str, values: Sequence[float]) -> Any:
        counts, edges = np.histogram(values, BINS)
        histogram = self._summaries.HistogramProto(
            min=min(values),
            max=max(values),
            num=len(values),
            sum=sum(values),
            sum_squares=sum(value * value for value in values),
            bucket_limit=edges[1:].tolist(),
            bucket=counts.tolist(),
        )
        return self._value(tag, histo=histogram)

    def _image(self, tag: str, png: bytes) -> Any:
        width, height = unpack(">II", png[16:24])  # of IHDR, which comes first in every PNG
        image = self._summaries.Summary.Image(encoded_image_string=png, width=width, height=height, colorspace=4)
        return self._value(tag, image=image)

    def _config(self) -> Any:
        """The settings as a table in Markdown, which TensorBoard's page of texts shows."""
        rows = [f"| {name} | {value} |" for name, value in self._run.config.items()]
        text = "\n".join(["| setting | value |", "|---|---|", *rows])
        plugin = self._summaries.SummaryMetadata.PluginData(plugin_name="text")
        metadata = self._summaries.SummaryMetadata(plugin_data=plugin)
        tensor = self._tensors.TensorProto(dtype=self._types.DT_STRING, string_val=[text.encode()])
        return self._value("config", metadata=metadata, tensor=tensor)
