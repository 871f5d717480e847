"""``genocc sample``."""

from pathlib import Path
from typing import Annotated

import typer

from genocc.cli.console import counted, print_json
from genocc.cli.options import JsonOption
from genocc.cli.runs import SetOption
from genocc.cli.search import budget_option


def sample(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="A new or empty folder.")],
    number: Annotated[int, typer.Option("-n", metavar="N", help="How many.")] = 1,
    space: Annotated[str, typer.Option("--space", metavar="SPACE", help="The search space.")] = "darts",
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of everything random.")] = 0,
    max_macs: Annotated[int | None, budget_option("--max-macs", "MACs of the target net: none has more.")] = None,
    max_params: Annotated[int | None, budget_option("--max-params", "Its parameters: none has more.")] = None,
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Draw random genotypes, each uniformly from the search space: the baseline of every table."""
    from genocc.searchers.sampling import sample as write_samples

    paths = write_samples(
        output, number, space=space, seed=seed, max_macs=max_macs, max_params=max_params, overrides=set_ or ()
    )
    if json:
        print_json({"genotypes": [str(path) for path in paths]})
        return
    print(f"{counted(len(paths), 'genotype')} in {output}")
