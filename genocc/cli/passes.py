"""``genocc passes``."""

from typing import Any

from genocc.cli.console import print_json, print_table
from genocc.cli.options import JsonOption


def passes(json: JsonOption = False) -> None:
    """List the compiler's passes in the order in which they run."""
    from genocc.compiler import exporters
    from genocc.passes import PASSES

    targets = exporters()
    found: list[dict[str, Any]] = [
        {
            "name": step.name,
            "training": step.training,
            "grows": step.grows,
            "does": step.summary,
            "targets": [name for name, target in targets.items() if step.name in target.passes],
        }
        for step in PASSES.values()
    ]
    if json:
        print_json(found)
        return
    rows = [
        (
            number,
            step["name"],
            "training, inference" if step["training"] else "inference",
            "may add parameters" if step["grows"] else "",
            ", ".join(step["targets"]),
            step["does"],
        )
        for number, step in enumerate(found, start=1)
    ]
    caption = "Targets run the passes in whose row they stand, unless --passes or --optimize says otherwise."
    print_table("passes", [">", "pass", "holds in", "", "default of", "what it does"], rows, caption=caption)
