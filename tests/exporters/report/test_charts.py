"""The curves of a run: which numbers of a history become which chart, and the chart as a part of a page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from genocc.exporters.report.charts import FEW, TOPICS, Chart, Series, chart_svg, charts, format_value


def by_title(*history: dict[str, object]) -> dict[str, dict[str, tuple[float | None, ...]]]:
    return {chart.title: {series.label: series.values for series in chart.series} for chart in charts(history)}


def test_numbers_that_belong_together_share_a_chart() -> None:
    found = by_title({"weights": {"loss": 2.0, "accuracy": 0.5}, "architecture": {"loss": 1.5}, "epoch": 1})
    assert found == {
        "Accuracy": {"training batches": (0.5,)},
        "Loss": {"weight steps": (2.0,), "architecture steps": (1.5,)},
    }


def test_charts_are_in_the_order_of_the_topics_and_unknown_numbers_come_last() -> None:
    found = by_title({"own": {"b": 1.0, "a": 2.0}, "another_one": 3, "seconds": 1.0, "test": {"loss": 0.5}})
    titles = [topic.title for topic in TOPICS]
    assert list(found) == ["Loss", "Seconds an epoch", "own", "another one"]
    assert titles.index("Loss") < titles.index("Seconds an epoch")
    assert found["own"] == {"own.b": (1.0,), "own.a": (2.0,)}


def test_an_epoch_without_a_number_is_a_gap() -> None:
    history = ({"seconds": 1.0}, {"temperature": 0.5}, {"seconds": 3.0, "temperature": float("nan")})
    assert by_title(*history) == {
        "Temperature": {"temperature": (None, 0.5, None)},
        "Seconds an epoch": {"seconds": (1.0, None, 3.0)},
    }


def test_kinds_of_cell_are_labels_and_lists_their_sum() -> None:
    found = by_title({"edges_per_node": {"normal": [2, 3], "reduction": [1]}})
    assert found == {"Edges in the derived cell": {"normal": (5.0,), "reduction": (1.0,)}}


def test_what_is_no_number_is_not_drawn() -> None:
    texts = {"note": "text", "flag": True, "nothing": None, "list": ["a"], "empty": []}
    assert (
        by_title({"epoch": 1, "coefficients": {"normal": {"edge": [1.0]}}, "genotype": {"version": 1}, **texts}) == {}
    )


@pytest.mark.parametrize(
    ("value", "percent", "text"),
    [(None, True, "–"), (0.98765, True, "98.77%"), (0.0123456, False, "0.01235"), (123456.0, False, "1.235e+05")],
)
def test_values_are_short(value: float | None, percent: bool, text: str) -> None:
    assert format_value(value, percent=percent) == text


LOSS = Chart("loss", "Loss", (Series("training", (2.0, 1.0, None, 0.5)), Series("test", (2.5, 1.5, 1.2, 1.0))))


def test_a_chart_has_the_pages_colours_and_names_of_its_own() -> None:
    svg = chart_svg(LOSS, [1, 2, 3, 4])
    assert {"var(--curve-1)", "var(--curve-2)", "var(--muted)", "var(--line)"} <= set(re.findall(r"var\([^)]*\)", svg))
    assert not re.search(r"#0000[0f]\d", svg)  # the stand-ins
    ids = re.findall(r'\bid="([^"]*)"', svg)
    assert ids
    assert all(name.startswith("loss-") for name in ids)
    pointers = re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', svg)
    assert {name for pair in pointers for name in pair if name} <= set(ids)
    root = ET.fromstring(svg)
    assert "width" not in root.attrib
    assert not [part for part in root if part.tag.endswith("metadata")]


def test_the_cursor_stands_at_the_last_epoch_over_the_height_of_the_axes() -> None:
    root = ET.fromstring(chart_svg(LOSS, [1, 2, 3, 4]))
    (cursor,) = (part for part in root if part.get("class") == "cursor")
    assert 0 < float(root.attrib["data-x0"]) < float(root.attrib["data-x1"])
    assert cursor.get("x1") == cursor.get("x2") == root.get("data-x1")
    assert 0 < float(cursor.attrib["y1"]) < float(cursor.attrib["y2"])


@pytest.mark.parametrize(("epochs", "dotted"), [(1, True), (FEW, True), (FEW + 1, False)])
def test_few_epochs_have_a_dot_each(epochs: int, dotted: bool) -> None:
    svg = chart_svg(Chart("a", "A", (Series("a", tuple(map(float, range(epochs)))),)), range(1, epochs + 1))
    dots = [part for part in ET.fromstring(svg).iter() if part.tag.endswith("}use") and "curve" in str(part.attrib)]
    assert len(dots) == (epochs if dotted else 0)


def test_the_same_chart_is_the_same_text() -> None:
    assert chart_svg(LOSS, [1, 2, 3, 4]) == chart_svg(LOSS, [1, 2, 3, 4])


def test_percentages_never_start_below_zero() -> None:
    ticks = re.findall(r">(-?[\d.]+)%</", chart_svg(Chart("a", "A", (Series("a", (0.0, 0.02)),), percent=True), [1, 2]))
    assert ticks
    assert all(float(tick) >= 0 for tick in ticks)


def test_ticks_of_a_curve_that_hardly_moves_differ() -> None:
    written = chart_svg(Chart("entropy", "Entropy", (Series("normal", (2.77259, 2.77255, 2.77251)),)), [1, 2, 3])
    ticks = re.findall(r">(2\.77\d*)</", written)
    assert len(ticks) == len(set(ticks)) > 2
