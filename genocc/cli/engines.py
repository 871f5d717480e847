"""``genocc engines``, and the options of commands that run several jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from genocc.cli.console import print_json, print_table
from genocc.cli.options import JsonOption
from genocc.errors import EngineError

if TYPE_CHECKING:
    from genocc.engines.base import Engine

ENGINE_PANEL = "Engine"
EngineOption = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="NAME",
        help="What runs the jobs: see `genocc engines` \\[this process, one after another; local with --jobs].",
        rich_help_panel=ENGINE_PANEL,
        show_default=False,
    ),
]
JobsOption = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        metavar="N",
        help="How many at a time \\[local: one per GPU, else per core].",
        rich_help_panel=ENGINE_PANEL,
        show_default=False,
    ),
]
EngineSetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--engine-set",
        metavar="ENGINE.SETTING=VALUE",
        help="Any setting of the engine, such as slurm.partition=gpu; repeatable.",
        rich_help_panel=ENGINE_PANEL,
        show_default=False,
    ),
]


def chosen_engine(name: str | None, jobs: int | None, settings: list[str] | None) -> Engine | None:
    """Returns the engine that the options choose, None where there are none; raises EngineError."""
    from genocc.engines.base import choose, parse_settings

    if name is None and jobs is None:
        if settings:
            raise EngineError(f"--engine-set {settings[0]}: needs --engine")
        return None
    return choose(name or "local", jobs=jobs, settings=parse_settings(settings or ()))


def engines(json: JsonOption = False) -> None:
    """List what can run several searches or trainings (--engine), its settings, and why it is not available here."""
    from genocc.engines.base import engine_names, engine_type

    found = [engine_type(name).to_dict() for name in engine_names()]
    if json:
        print_json(found)
        return
    rows = [(one["name"], one["title"], one["version"], "yes" if one["available"] else "no") for one in found]
    missing = [one["missing"] for one in found if one["missing"]]
    print_table("engines", ["engine", "runs jobs as", "version", "here"], rows, caption="\n".join(missing))
    settings = [
        (f"{one['name']}.{name}", setting["default"], setting["about"])
        for one in found
        for name, setting in one["settings"].items()
    ]
    print_table("settings (--engine-set)", ["setting", "default", "meaning"], settings)
