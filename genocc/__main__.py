"""``python -m genocc``."""

from genocc.cli import app

app(prog_name="genocc")
