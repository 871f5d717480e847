"""``genocc rank``."""

from pathlib import Path
from typing import Annotated

import typer

from genocc.cli.console import counted, note, print_json, print_table
from genocc.cli.options import JsonOption


def rank(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="A .csv, .json or .jsonl file; or run folders of searches and trainings."),
    ],
    x: Annotated[str, typer.Option("--x", metavar="COLUMN", help="The measure that predicts.")],
    y: Annotated[str, typer.Option("--y", metavar="COLUMN", help="The measure that it is to predict.")],
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Leave out rows that lack one of the two values.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Kendall's tau (a, b, c) between two columns of results: does one order the rows as the other does?

    Of run folders, a row is a genotype, and its columns are those of the last line of history.jsonl:
    --x search.validation_accuracy --y train.test.top1
    """
    from genocc.results.correlation import correlate
    from genocc.results.table import columns, read_table

    where = str(files[0]) if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"
    first, second, skipped = columns(read_table(files, note), x, y, where, skip_missing=skip_missing)
    found = correlate(first, second)
    if json:
        print_json({"x": x, "y": y, "skipped": skipped, **found.to_dict()})
        return
    rows = [
        ("tau-a", f"{found.tau_a:.4f}"),
        ("tau-b", _shown(found.tau_b)),
        ("tau-c", _shown(found.tau_c)),
        ("p-value of tau-b", "undefined" if found.p_value is None else f"{found.p_value:.2g}"),
        ("pairs", found.pairs),
        ("concordant", found.concordant),
        ("discordant", found.discordant),
        (f"tied in {x}", found.ties_x),
        (f"tied in {y}", found.ties_y),
        ("tied in both", found.ties_both),
    ]
    left_out = f", {counted(skipped, 'row')} left out" if skipped else ""
    constant = x if found.ties_x == found.pairs else y
    caption = f"{constant} is the same in all rows: there is no order to compare." if found.tau_b is None else ""
    print_table(f"{x} and {y}: {found.rows} rows{left_out}", ["Kendall", ">"], rows, caption=caption)


def _shown(tau: float | None) -> str:
    return "undefined" if tau is None else f"{tau:.4f}"
