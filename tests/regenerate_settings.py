"""Writes docs/methods/settings.md anew, from the docstrings of the parts: ``python -m tests.regenerate_settings``."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from genocc.configuration import Part
from genocc.files import write_atomically
from genocc.searchers.config import SearchConfig
from genocc.searchers.settings import descriptions, differences, format_value, settings_by_method
from tests.sample_data import ROOT

PAGE = ROOT / "docs" / "methods" / "settings.md"

METHODS = ("darts", "pc-darts", "ec-darts", "edarts", "entrannas", "entrannas-dst")

INTRODUCTION = """\
# Settings

Every setting of a search, as `--set part.field=value` takes it; a part's name alone stands for its first field
(`--set relaxation=cen`). Values are those of DARTS on CIFAR-10; further down, where the others differ. `genocc methods
--json` has all this as data. Written by `python -m tests.regenerate_settings` from
[searchers/parts](../../searchers/parts).
"""


def page() -> str:
    """Returns the text of the page."""
    tables = {
        preset: {name: settings_by_method(preset)[name] for name in METHODS}
        for preset in ("cifar", "imagenet", "quick")
    }
    parts = [_part(name, tables["cifar"]["darts"]) for name in _parts()]
    differing = [
        "\n## Where the methods differ\n",
        *(_differences(f"`--preset {preset}`", table) for preset, table in tables.items()),
    ]
    return "\n".join([INTRODUCTION, *parts, *differing])


def _parts() -> dict[str, type[Part]]:
    found = {name: field.annotation for name, field in SearchConfig.model_fields.items()}
    return {name: model for name, model in found.items() if isinstance(model, type) and issubclass(model, Part)}


def _part(name: str, values: dict[str, Any]) -> str:
    about = (inspect.getdoc(_parts()[name]) or "").splitlines()[0]
    texts = descriptions()
    rows = [(f"`{path}`", _code(value), texts[path]) for path, value in values.items() if path.startswith(f"{name}.")]
    return f"## {name}\n\n{about}\n\n{_table(('setting', 'value', 'meaning'), rows)}"


def _differences(title: str, table: dict[str, dict[str, Any]]) -> str:
    rows = [(f"`{name}`", *(_code(values[name]) for values in table.values())) for name in differences(table)]
    return f"{title}\n\n{_table(('setting', *(f'`{name}`' for name in table)), rows)}"


def _code(value: Any) -> str:
    return f"`{format_value(value)}`"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = [
        [cell.replace("``", "`").replace("|", "\\|") for cell in row] for row in (head, ["---"] * len(head), *rows)
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


if __name__ == "__main__":
    write_atomically(PAGE, page())
