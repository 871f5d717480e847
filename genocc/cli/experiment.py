"""``genocc experiment``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genocc.cli.console import counted, note, print_json, print_table, refuse_mixing
from genocc.cli.engines import EngineSetOption, JobsOption, chosen_engine
from genocc.cli.options import JsonOption
from genocc.cli.runs import run_option
from genocc.errors import ConfigError

if TYPE_CHECKING:
    from genocc.engines.base import Engine
    from genocc.experiments.sources import Source
    from genocc.experiments.table import Table


def experiment(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="EXPERIMENT",
            help="paper:NAME or genocc:NAME, a TOML file, or the folder of an experiment \\[list them].",
            show_default=False,
        ),
    ] = None,
    scale: Annotated[
        str | None, run_option("--scale", help="tiny, small, paper, or another of the file \\[tiny].", metavar="SCALE")
    ] = None,
    out: Annotated[
        Path | None, run_option("--out", help="The experiment's folder \\[a new one below runs].", metavar="FOLDER")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the experiment in --out.")] = False,
    data: Annotated[
        str | None, run_option("--data", help="Images for all jobs \\[those that the file names].", metavar="DATA")
    ] = None,
    engine: Annotated[
        str, typer.Option("--engine", metavar="NAME", help="What runs the jobs: see `genocc engines`.")
    ] = "local",
    jobs: JobsOption = None,
    engine_set: EngineSetOption = None,
    table: Annotated[bool, typer.Option("--table", help="Print what there is so far; runs nothing.")] = False,
    output: Annotated[
        Path | None,
        run_option("--output", "-o", help="With --table: .md, .csv, or a figure: .svg, .png, .pdf.", metavar="FILE"),
    ] = None,
    write: Annotated[
        Path | None,
        run_option("--write", help="Write its file, for you to change; runs nothing.", metavar="FILE"),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="The experiments that come with genocc.")] = False,
    json: JsonOption = False,
) -> None:
    """Run the searches and trainings of a paper's table, or of your own, and print the table.

    Ctrl-C, or a kill, loses nothing: genocc experiment FOLDER --resume goes on. --table works at any time.
    """
    from genocc.experiments.sources import own_plan, read_source

    if name is None and out is not None:
        name = str(out)  # so that `--out FOLDER --resume` is enough, as for a search
    if list_ or (name is None and not (resume or table)):
        _list(json)
        return
    if name is None:
        raise ConfigError(f"{'--resume' if resume else '--table'}: expected an EXPERIMENT, or the --out of one")
    source = read_source(name)
    if write is not None:
        _write(source.text, write, name)
        return
    if out is not None and source.folder is not None and out.resolve() != source.folder.resolve():
        raise ConfigError(f"--out {out}: the experiment of {source.folder} has its own folder; leave --out out")
    out = source.folder or out
    if table:
        if out is None:
            raise ConfigError(f"--table of {name}: name the folder in which it was run, as EXPERIMENT or --out")
        from genocc.experiments.driver import failures
        from genocc.experiments.table import make_table

        found = own_plan(out, source)
        if scale not in (None, found.scale):
            raise ConfigError(f"--scale {scale}: {out} was begun at scale {found.scale}; leave --scale out")
        _show(make_table(found, failures(found, out)), out, output, json)
        return
    if output is not None:
        raise ConfigError(f"--output {output}: goes with --table; expected --out for the experiment's folder")
    runs = chosen_engine(engine, jobs, engine_set)
    assert runs is not None, "an engine has a default"
    _run(source, name, out, scale, data, runs, resume, json)


def _run(
    source: "Source",
    name: str,
    out: Path | None,
    scale: str | None,
    data: str | None,
    engine: "Engine",
    resume: bool,
    json: bool,
) -> None:
    from genocc.experiments.driver import failures, run_experiment
    from genocc.experiments.progress import ConsoleJobsProgress
    from genocc.experiments.table import make_table
    from genocc.runs.starting import run_path

    if resume and out is None:
        raise ConfigError(f"--resume of {name}: name the folder in which it was run, as EXPERIMENT or --out")
    if source.folder is not None and not resume:
        raise ConfigError(f"{source.folder}: has an experiment in it; go on with --resume, or print it with --table")
    folder = run_path(out, name.rpartition(":")[2].rpartition("/")[2].removesuffix(".toml"))
    progress = ConsoleJobsProgress()
    found = run_experiment(source, folder, engine, scale=scale, data=data, resume=resume, progress=progress)
    failed = failures(found, folder)
    _show(make_table(found, failed), folder, None, json)
    if failed or not all(step.done for step in found.steps):
        raise typer.Exit(1)


def _show(table: "Table", folder: Path, output: Path | None, json: bool) -> None:
    from genocc.experiments.rendering import headings, lines, state, write

    if output is not None:
        refuse_mixing(output if json else None)
        write(table, output, folder)
    if json:
        print_json(table.to_dict())
        return
    first, *others = headings(table)
    caption = "\n".join([*([table.plan.experiment.claim] if table.plan.experiment.claim else []), state(table)])
    columns = [first, *(f">{heading}" for heading in others)]
    print_table(table.plan.experiment.title, columns, lines(table), caption=caption)
    for name, message in table.failed.items():
        print(f"Failed: {name}: {message}")
    print(folder if output is None else output)


def _write(text: str, path: Path, name: str) -> None:
    from genocc.files import write_atomically

    if path.exists():
        raise ConfigError(f"{path}: is there already; choose another file for {name}")
    write_atomically(path, text)
    note(f"change it and run it: genocc experiment {path} --out runs/{path.stem}")


def _list(json: bool) -> None:
    from genocc.experiments.sources import read_source, shipped

    found = {name: read_source(name) for name in shipped()}
    counts = {
        name: {scale: len(one.plan(scale, Path()).steps) for scale in one.experiment.scales}
        for name, one in found.items()
    }
    if json:
        rows = [
            {"name": name, "title": one.experiment.title, "claim": one.experiment.claim, "jobs": counts[name]}
            for name, one in found.items()
        ]
        print_json({"experiments": rows})
        return
    for name, one in found.items():
        jobs = ", ".join(f"{scale} {count}" for scale, count in counts[name].items())
        print(f"{name}\n  {one.experiment.title}. Jobs: {jobs}.")
        if one.experiment.claim:
            print(f"  Claim: {one.experiment.claim}")
    print(f"{counted(len(found), 'experiment')}; one of your own: genocc experiment NAME --write my.toml")
