"""``genocc runtimes``."""

from genocc.cli.console import print_json, print_table
from genocc.cli.options import JsonOption


def runtimes(json: JsonOption = False) -> None:
    """List what can run compiled files: version, files, where it runs on this machine, and why not elsewhere."""
    from genocc.runtimes.table import runtimes

    found = [runtime.to_dict() for runtime in runtimes().values()]
    if json:
        print_json(found)
        return
    rows = [
        (
            one["name"],
            one["title"],
            one["version"],
            ", ".join(one["reads"]),
            ", ".join(provider for provider, here in one["providers"].items() if here) or "not here",
            "only if asked for" if one["slow"] else "",
        )
        for one in found
    ]
    missing = [f"{one['name']}: {reason}" for one in found for reason in one["missing"].values()]
    columns = ["runtime", "", "version", "reads", "runs on", "slow"]
    print_table("runtimes", columns, rows, caption="\n".join(missing))
