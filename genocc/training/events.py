"""The history of a training as TensorBoard events, for those who have TensorBoard."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from genocc.errors import ConfigError
from genocc.runs.folder import Run
from genocc.training.parts import OutputConfig

FOLDER = "tensorboard"
"""Where they are in a run folder."""

Told = Callable[[Mapping[str, Any]], None]
"""Takes a line of the history."""


@contextmanager
def events(config: OutputConfig, run: Run | None) -> Iterator[Told]:
    """Yields what writes a line of the history, if events are asked for; the first line makes their file.

    Raises:
        ConfigError: They are asked for, and TensorBoard is not installed.
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
            if writer is None:  # what an earlier process has written of this epoch, and of later ones, does not count
                writer = stack.enter_context(SummaryWriter(run.path / FOLDER, purge_step=line["epoch"]))
            for name, value in scalars(line):
                writer.add_scalar(name, value, line["epoch"])
            writer.flush()

        yield write


def scalars(line: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yields the numbers of a line of the history by path: ``test/top1``."""
    for name, value in line.items():
        if isinstance(value, Mapping):
            yield from scalars(value, f"{prefix}{name}/")
        elif value is not None and name != "epoch":
            yield f"{prefix}{name}", float(value)
