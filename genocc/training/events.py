"""The history of a training as TensorBoard events, for those who have TensorBoard."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from genocc.errors import ConfigError
from genocc.files import explained
from genocc.runs.folder import RunFolder
from genocc.runs.reading import RUN_EVENTS
from genocc.training.settings import OutputConfig

EpochWriter = Callable[[Mapping[str, Any]], None]
"""Writes a line of the history."""


@contextmanager
def event_writer(config: OutputConfig, run: RunFolder | None) -> Iterator[EpochWriter]:
    """Yields a function that writes a line of the history as events, or ignores it where no events are wanted.

    The first line makes the file of the events.

    Args:
        config: Whether events are wanted.
        run: Where they go; None in all processes but the first.

    Raises:
        ConfigError: Events are wanted, and TensorBoard is not installed.
    """
    if not config.tensorboard:
        yield lambda line: None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ConfigError(
            "output.tensorboard=true needs the package tensorboard, which is not installed: "
            "pip install 'genocc[tensorboard]'"
        ) from None
    with ExitStack() as stack:
        writer: Any = None

        def write(line: Mapping[str, Any]) -> None:
            nonlocal writer
            if run is None:
                return
            folder = run.path / RUN_EVENTS
            with explained(folder, "write"):
                if writer is None:  # the purge drops what an earlier process wrote of this epoch and later ones
                    writer = stack.enter_context(SummaryWriter(folder, purge_step=line["epoch"]))
                for name, value in scalars(line):
                    writer.add_scalar(name, value, line["epoch"])
                writer.flush()

        yield write


def scalars(line: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yields the numbers of a line of the history with their paths, such as ``test/top1``."""
    for name, value in line.items():
        if isinstance(value, Mapping):
            yield from scalars(value, f"{prefix}{name}/")
        elif value is not None and name != "epoch":
            yield f"{prefix}{name}", float(value)
