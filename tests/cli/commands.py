"""Commands as a user runs them, for tests."""

from __future__ import annotations

from typer.testing import CliRunner, Result

from genocc.cli import app


def run(*arguments: object, input: str | None = None) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)], input=input, catch_exceptions=False)


def error(*arguments: object, input: str | None = None) -> str:
    """The one line that a failing command prints; nothing may go to standard output."""
    result = run(*arguments, input=input)
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("genocc: error: ")
    return line
