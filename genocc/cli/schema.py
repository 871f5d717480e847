"""``genocc schema``."""

from genocc.cli.console import print_json


def schema() -> None:
    """Print the JSON Schema of genotype files."""
    from genocc.genotype import schema

    print_json(schema())
