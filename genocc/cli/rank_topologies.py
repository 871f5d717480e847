"""``genocc rank-topologies``."""

from typing import Annotated

import typer

from genocc.cli.console import print_json, print_table
from genocc.cli.engines import ENGINE_PANEL, EngineSetOption, chosen_engine
from genocc.cli.options import JsonOption
from genocc.cli.runs import (
    ConfigOption,
    DataOption,
    DownloadOption,
    EpochsOption,
    OutOption,
    SetOption,
    SizeOption,
    run_option,
)
from genocc.machine import keep_freed_memory


def rank_topologies(
    data: DataOption = None,
    out: OutOption = None,
    preset: Annotated[
        str | None,
        run_option(
            "--preset",
            help="Of the trainings, as for `genocc train` \\[quick on built-in data, else shallow].",
            metavar="PRESET",
        ),
    ] = None,
    epochs: EpochsOption = None,
    seed: Annotated[int | None, run_option("--seed", help="Of the sample and every training [0].", metavar="N")] = None,
    sample: Annotated[
        int | None, run_option("--sample", help="Topologies, chosen at random \\[all 180].", metavar="N")
    ] = None,
    top: Annotated[
        int | None, run_option("--top", help="How many go into the second phase \\[20].", metavar="N")
    ] = None,
    validation: Annotated[
        float | None,
        run_option(
            "--validation", help="Training images to rank by: a share up to 1, or a number \\[0.2].", metavar="N"
        ),
    ] = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    size: SizeOption = None,
    download: DownloadOption = None,
    device: Annotated[str, run_option("--device", help="cpu or cuda \\[cpu].", metavar="DEVICE")] = "cpu",
    resume: Annotated[bool, run_option("--resume", help="Go on with the ranking in --out.")] = False,
    engine: Annotated[
        str | None,
        typer.Option(
            "--engine",
            metavar="NAME",
            help="What runs the trainings: see `genocc engines` \\[local].",
            rich_help_panel=ENGINE_PANEL,
            show_default=False,
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "--workers",
            metavar="N",
            help="Processes of one thread at a time \\[one for each core; one on a GPU].",
            rich_help_panel=ENGINE_PANEL,
            show_default=False,
        ),
    ] = None,
    engine_set: EngineSetOption = None,
    json: JsonOption = False,
) -> None:
    """Rank the 180 cell topologies of two predecessors per node by training small nets (eDARTS); writes ranking.json.

    First in normal cells, sep_conv_3x3 on every edge; then the best in both cells. Ctrl-C exits with 130; --resume goes
    on with the next topology.
    """
    from genocc.runs.progress import ConsoleProgress
    from genocc.searchers.topologies.part import is_part, run_part
    from genocc.searchers.topologies.ranking import rank_topologies

    keep_freed_memory()
    if resume and out is not None and is_part(out):  # a job of an engine
        run_part(out, device=device, progress=ConsoleProgress())
        return
    ranking = rank_topologies(
        out,
        data=data,
        preset=preset,
        seed=seed,
        epochs=epochs,
        config=config,
        overrides=set_ or (),
        size=size,
        download=download,
        sample=sample,
        top=top,
        validation=validation,
        engine=chosen_engine(engine, jobs, engine_set),
        device=device,
        resume=resume,
        progress=ConsoleProgress(),
    )
    if json:
        print_json(ranking.to_dict())
        return
    rows = [
        (
            rank,
            one.name,
            f"{one.accuracy_normal:.2%}",
            None if one.accuracy_both is None else f"{one.accuracy_both:.2%}",
            one.hash[:8],
        )
        for rank, one in enumerate(ranking.topologies, start=1)
    ]
    caption = (
        "A name has the states that nodes 2, 3, 4 and 5 read. Validation accuracies; equal hashes are isomorphic, and "
        "what lies between them is chance."
    )
    columns = [">rank", "topology", ">in normal cells", ">in both", "hash"]
    print_table(f"{len(rows)} topologies", columns, rows, caption=caption)
    print(ranking.path)
