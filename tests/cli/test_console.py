"""What commands print: figures that are never cut, notes beside the result."""

from __future__ import annotations

import json

import pytest

from genocc.cli.console import counted, note, print_json, print_table


def test_tables_show_every_figure_however_narrow_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    print_table("a title", ["name", ">number", ""], [("x" * 60, 1_234_567, None), ("y", True, 0.5)], caption="said")
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[0] == ["a", "title"]
    assert ["x" * 60, "1,234,567", "-"] in lines
    assert ["y", "True", "0.5"] in lines
    assert lines[-1] == ["said"]


def test_columns_with_an_arrow_are_right_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("t", [">n", ""], [(1, "a"), (1000, "b")])
    one, thousand = (line for line in capsys.readouterr().out.splitlines() if line.strip()[-1:] in ("a", "b"))
    assert one.index("1") == thousand.index("1,000") + 4


def test_names_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("[bold]t[/]", ["c"], [("[blue]x",)])
    out = capsys.readouterr().out
    assert "[bold]t[/]" in out
    assert "[blue]x" in out


def test_numbers_of_things() -> None:
    assert [counted(n, "epoch") for n in (0, 1, 1200)] == ["0 epochs", "1 epoch", "1,200 epochs"]


def test_json_keeps_letters_and_notes_are_not_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "größe"})
    note("a remark")
    out, err = capsys.readouterr()
    assert json.loads(out) == {"name": "größe"}
    assert "größe" in out
    assert err == "a remark\n"
