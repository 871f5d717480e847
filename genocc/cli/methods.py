"""``genocc methods``."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from genocc.cli.console import print_json, print_table
from genocc.cli.options import JsonOption


def methods(
    preset: Annotated[
        str, typer.Option("--preset", help="Whose settings: quick, cifar, imagenet or nas-bench-201.", metavar="PRESET")
    ] = "cifar",
    json: JsonOption = False,
) -> None:
    """List the search methods, and every setting of their parts as `search --set` takes it."""
    from genocc.searchers.method import get_method
    from genocc.searchers.settings import (
        descriptions,
        differences,
        format_value,
        registered_parts,
        setting_names,
        settings_by_method,
        unfit_methods,
    )

    table = settings_by_method(preset)
    about = {name: (get_method(name).__doc__ or "").strip().partition("\n")[0] for name in table}
    texts, parts = descriptions(), registered_parts()
    if json:
        print_json({
            "preset": preset,
            "methods": {
                name: {"about": about[name], "paper": get_method(name).paper, "settings": values}
                for name, values in table.items()
            },
            "unfit": unfit_methods(preset),
            "descriptions": texts,
            "parts": parts,
        })  # fmt: skip
        return
    unfit = "\n".join(f"Not in this preset: {name}: {reason}" for name, reason in unfit_methods(preset).items())
    listed = [(name, about[name], get_method(name).paper) for name in table]
    print_table("methods", ["method", "", "from"], listed, caption=unfit)
    registered = [
        (part, name, choice["about"].replace("``", ""), choice["package"], " ".join(choice["settings"]))
        for part, choices in parts.items()
        for name, choice in choices.items()
    ]
    caption = "Choose one with genocc search --set PART.name=NAME; of penalties, any: --set penalties.NAME.factor=X."
    print_table("parts", ["part", "name", "", "package", "settings"], registered, caption=caption)
    names, differ = setting_names(table), differences(table)
    rows = [
        (name, *(format_value(values[name]) if name in values else "" for values in table.values())) for name in differ
    ]
    print_table(f"where they differ (preset {preset})", ["setting", *table], rows)
    same = {name: value for values in table.values() for name, value in values.items()}
    rows = [
        (name, "*" if name in differ else format_value(same[name]), _sentence(texts.get(name, ""))) for name in names
    ]
    caption = "*: see above. Change any of them: genocc search --set SETTING=VALUE; a part alone is its name."
    print_table("all settings", ["setting", "value", "meaning"], rows, caption=caption)


def _sentence(text: str) -> str:
    """The first sentence of a description, without its markup."""
    return re.split(r"(?<!Eq)(?<!Eqs)\. ", text)[0].rstrip(".").replace("``", "")
