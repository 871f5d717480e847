"""Options of the commands that make a run, each defined once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def run_option(*names: str, help: str, metavar: str | None = None) -> Any:
    """Returns an option that has no value of its own unless it is given."""
    return typer.Option(*names, help=help, metavar=metavar, show_default=False)


DataOption = Annotated[
    str | None,
    run_option(
        "--data",
        help="digits, cifar10, cifar100, fake, NAME:FOLDER, or a folder of class folders \\[digits].",
        metavar="DATA",
    ),
]
OutOption = Annotated[
    Path | None, run_option("--out", "-o", help="Run folder \\[a new one below runs].", metavar="RUN")
]
EpochsOption = Annotated[int | None, run_option("--epochs", help="Instead of the preset's.", metavar="N")]
SeedOption = Annotated[int | None, run_option("--seed", help="Of everything random [0].", metavar="N")]
ConfigOption = Annotated[
    Path | None,
    run_option(
        "--config",
        help="Settings from JSON or TOML, such as a run's config.json; options win.",
        metavar="FILE",
    ),
]
SetOption = Annotated[
    list[str] | None,
    run_option(
        "--set", help="Any setting of any part, such as schedule.epochs=9; repeatable.", metavar="PART.FIELD=VALUE"
    ),
]
SizeOption = Annotated[
    str | None, run_option("--input-size", help="Height and width of the images, such as 64x300 or 64.", metavar="HxW")
]
DownloadOption = Annotated[bool | None, run_option("--download", help="Fetch a missing data set.")]
TrackOption = Annotated[
    list[str] | None,
    run_option(
        "--track",
        help="To a tracker too: tensorboard, mlflow, trackio, wandb; repeatable.",
        metavar="NAME",
    ),
]
DeviceOption = Annotated[str, run_option("--device", help="cpu or cuda \\[a GPU, if any].", metavar="DEVICE")]
ResumeOption = Annotated[bool, run_option("--resume", help="Go on with the run in --out.")]
