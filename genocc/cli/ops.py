"""``genocc ops``."""

from genocc.cli.console import print_json, print_table
from genocc.cli.options import JsonOption


def ops(json: JsonOption = False) -> None:
    """List the candidate operations: kernel, parameters as a formula of C, and how they are drawn."""
    from rich.text import Text

    from genocc.operations import all_operations, describe
    from genocc.search_spaces import SEARCH_SPACES

    if json:
        print_json([describe(operation) for operation in all_operations().values()])
        return
    rows = []
    for operation in all_operations().values():
        about = describe(operation)
        drawn = Text(f"━━━ {operation.dash}, {operation.arrow}", style=operation.color)
        formulas = (about["parameters"], about["parameters_stride_2"])
        rows.append((operation.name, about["kernel"], *formulas, drawn, " ".join(operation.aliases)))
    columns = ["operation", "kernel", "parameters", "with stride 2", "drawn", "also called"]
    spaces = "\n".join(f"  {name}: {', '.join(members)}" for name, members in SEARCH_SPACES.items())
    print_table("candidate operations (C channels, affine BN)", columns, rows)
    print(f"search spaces\n{spaces}")
