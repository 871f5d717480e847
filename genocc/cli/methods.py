"""``genocc methods``."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from genocc.cli.console import print_json, print_table
from genocc.cli.options import JsonOption


def methods(
    preset: Annotated[
        str, typer.Option("--preset", help="Whose settings: quick, cifar or imagenet.", metavar="PRESET")
    ] = "cifar",
    json: JsonOption = False,
) -> None:
    """List the search methods, and every setting of their parts as `search --set` takes it."""
    from genocc.searchers.method import get_method
    from genocc.searchers.settings import descriptions, differences, format_value, settings_by_method

    table = settings_by_method(preset)
    about = {name: (get_method(name).__doc__ or "").strip().partition("\n")[0] for name in table}
    texts = descriptions()
    if json:
        print_json({
            "preset": preset,
            "methods": {
                name: {"about": about[name], "paper": get_method(name).paper, "settings": values}
                for name, values in table.items()
            },
            "descriptions": texts,
        })  # fmt: skip
        return
    print_table("methods", ["method", "", "from"], [(name, about[name], get_method(name).paper) for name in table])
    names = list(next(iter(table.values())))
    differ = differences(table)
    rows = [(name, *(format_value(values.get(name)) for values in table.values())) for name in differ]
    print_table(f"where they differ (preset {preset})", ["setting", *table], rows)
    same = next(iter(table.values()))
    rows = [
        (name, "*" if name in differ else format_value(same[name]), _sentence(texts.get(name, ""))) for name in names
    ]
    caption = "*: see above. Change any of them: genocc search --set SETTING=VALUE; a part alone is its first setting."
    print_table("all settings", ["setting", "value", "meaning"], rows, caption=caption)


def _sentence(text: str) -> str:
    """The first sentence of a description, without its markup."""
    return re.split(r"(?<!Eq)(?<!Eqs)\. ", text)[0].rstrip(".").replace("``", "")
