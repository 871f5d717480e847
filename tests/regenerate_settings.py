"""Writes docs/methods/settings.md anew, from the docstrings of the parts: ``python -m tests.regenerate_settings``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from genocc.configuration import Part
from genocc.files import write_atomically
from genocc.searchers.choosing import FORMER
from genocc.searchers.config import SearchConfig
from genocc.searchers.registry import about
from genocc.searchers.settings import (
    OPEN_KINDS,
    descriptions,
    differences,
    format_value,
    registered_parts,
    settings_by_method,
)
from tests.sample_data import ROOT

PAGE = ROOT / "docs" / "methods" / "settings.md"

METHODS = (
    "darts", "pc-darts", "ec-darts", "edarts", "entrannas", "entrannas-dst", "gdas", "drnas", "fair-darts", "p-darts",
)  # fmt: skip

INTRODUCTION = """\
# Settings

Every setting of a search, as `--set part.field=value` takes it; a part alone stands for its first field
(`--set relaxation=cen`), a penalty alone for its factor (`--set penalties.sparsity=0.1`). The `name` of a part chooses
its class: what both classes have stays as it is, the other settings are the new one's defaults, whatever the order of
the options. Values are those of DARTS on CIFAR-10, or defaults of the class; further down, where the methods differ.
`genocc methods --json` has all this as data. Written by `python -m tests.regenerate_settings` from
[searchers/parts](../../searchers/parts).

Former spellings, which are understood as well, in `--set` and in a run's config.json:
"""


def page() -> str:
    """Returns the text of the page."""
    tables = {
        preset: {name: settings_by_method(preset)[name] for name in METHODS}
        for preset in ("cifar", "imagenet", "quick")
    }
    parts = [_part(name, tables["cifar"]["darts"]) for name in (*_parts(), "penalties")]
    differing = [
        "\n## Where the methods differ\n",
        *(_differences(f"`--preset {preset}`", table) for preset, table in tables.items()),
    ]
    return "\n".join([INTRODUCTION, _former(), *parts, *differing])


def _former() -> str:
    rows = [(f"`{'.'.join(old)}`", f"`{'.'.join(new)}`") for old, new in FORMER.items()]
    return _table(("formerly", "today"), rows)


def _parts() -> dict[str, type[Part]]:
    found = {name: field.annotation for name, field in SearchConfig.model_fields.items()}
    return {name: model for name, model in found.items() if isinstance(model, type) and issubclass(model, Part)}


def _part(name: str, values: dict[str, Any]) -> str:
    if name in OPEN_KINDS:
        return _open_part(name)
    texts = descriptions()
    rows = [(f"`{path}`", _code(value), texts[path]) for path, value in values.items() if path.startswith(f"{name}.")]
    return f"## {name}\n\n{about(_parts()[name])}\n\n{_table(('setting', 'value', 'meaning'), rows)}"


def _open_part(name: str) -> str:
    """Each class that genocc registers, with its settings and their defaults."""
    found = [f"## {name}\n\n{about(OPEN_KINDS[name])}\n"]
    for choice, facts in registered_parts()[name].items():
        if facts["package"] != "genocc":
            continue
        prefix = f"penalties.{choice}" if name == "penalties" else name
        rows = [(f"`{prefix}.{s}`", _code(of["default"]), of["meaning"]) for s, of in facts["settings"].items()]
        table = f"\n{_table(('setting', 'value', 'meaning'), rows)}" if rows else ""
        found.append(f"### {name}: `{choice}`\n\n{facts['about'].replace('``', '`')}\n{table}")
    return "\n".join(found)


def _differences(title: str, table: dict[str, dict[str, Any]]) -> str:
    rows = [
        (f"`{name}`", *(_code(values[name]) if name in values else "" for values in table.values()))
        for name in differences(table)
    ]
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
