"""``genocc passes``."""

from typing import Any

from genocc.cli.console import print_json, print_table
from genocc.cli.options import JsonOption


def passes(json: JsonOption = False) -> None:
    """List the compiler's passes in the order in which they run, with their arguments."""
    from genocc.passes import PASSES
    from genocc.passes.arguments import arguments, written
    from genocc.targets import exporters

    targets = exporters()
    found: list[dict[str, Any]] = [
        {
            "name": step.name,
            "training": step.training,
            "grows": step.grows,
            "arguments": {argument.name: argument.default for argument in arguments(step)},
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
            ", ".join(f"{name}={written(default)}" for name, default in step["arguments"].items()),
            ", ".join(step["targets"]),
            step["does"],
        )
        for number, step in enumerate(found, start=1)
    ]
    caption = "Targets run the passes in whose row they stand, unless --passes or --optimize says otherwise."
    columns = [">", "pass", "holds in", "", "arguments", "default of", "what it does"]
    print_table("passes", columns, rows, caption=caption)
