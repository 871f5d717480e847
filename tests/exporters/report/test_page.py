"""`genocc report`: what is in the page, what cannot be reported, and that no name can become markup."""

import base64
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from genocc.cli import app
from genocc.counting import count
from genocc.errors import GenoccError, TargetError
from genocc.exporters.report.charts import chart_svg, charts
from genocc.exporters.report.page import LARGEST, page, write_report
from genocc.genotype import Genotype
from genocc.network import NetworkConfig
from genocc.results.run_data import RunData
from genocc.runs.reading import CONFIG, HISTORY, RUN_GENOTYPE, RUN_LAST, RUN_TEST, SEARCH_SEEDS
from tests.exporters.runs import write_search, write_training

EVIL = '<script>alert(1)</script><!-- "& $x$'


class Page(HTMLParser):
    """What a page consists of: its tags with attributes, and the text of each kind of tag."""

    def __init__(self, run: Path) -> None:
        super().__init__()
        self.source = page(RunData.read(run)).decode()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(self.source)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    def all(self, tag: str) -> list[str]:
        return self.texts.get(tag, [])


def test_a_search_is_reported(tmp_path: Path) -> None:
    genotype = write_search(tmp_path)
    written = Page(tmp_path)
    assert written.all("h1") == ["made"]
    assert written.all("title")[0] == "made: genocc search"
    assert "not finished" not in written.source
    assert genotype.hash in written.all("code")
    counts = count(genotype, NetworkConfig.make(channels=8, layers=5, input_size=(16, 16)))
    assert f"{counts.total.macs:,}" in written.all("dd")
    for row in counts.by_edge:
        assert f"{row.cost.macs:,}" in written.all("td")
        assert f"{row.cost.macs / counts.total.macs:.1%}" in written.all("span")
    for title in ("Accuracy", "Loss", "Entropy (nats)", "Skip connections", "Edges in the derived cell", "Temperature"):
        assert title in written.all("h3")
    assert json.loads(written.all("pre")[0]) == json.loads((tmp_path / CONFIG).read_text())["config"]


def test_a_training_with_held_out_images_says_what_the_test_images_gave(darts_v2: Genotype, tmp_path: Path) -> None:
    write_training(tmp_path, darts_v2)
    lines = [json.loads(line) for line in (tmp_path / HISTORY).read_text().splitlines()]
    for line in lines:
        line["validation"] = line.pop("test")
        line["average"] = {"top1": line["validation"]["top1"] / 2, "top5": 0.9}
    (tmp_path / HISTORY).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    (tmp_path / RUN_TEST).write_text(json.dumps({"epoch": 3, "top1": 0.375, "top5": 0.9, "images": 8}))
    (tmp_path / RUN_LAST).touch()
    written = Page(tmp_path)
    facts = dict(zip(written.all("dt"), written.all("dd"), strict=True))
    assert facts["Best validation top-1, averaged weights"] == "40.00%"
    assert facts["Test top-1 of the best, averaged weights"] == "37.50%"


def test_the_axis_of_a_single_epoch_has_that_epoch_alone(tmp_path: Path) -> None:
    write_search(tmp_path, epochs=1)
    svg = chart_svg(charts(RunData.read(tmp_path).history)[0], [1])
    assert re.findall(r">([\d.]+)</text>", svg).count("1") == 1
    assert "0.60" not in svg


def test_the_summary_has_costs_and_both_figures_of_the_child_net(tmp_path: Path) -> None:
    write_search(tmp_path)
    written = Page(tmp_path)
    facts = dict(zip(written.all("dt"), written.all("dd"), strict=True))
    assert facts["Child net"] == "72.00%"
    assert facts["Child net, stale BN"] == "36.00%"
    assert facts["Time"] == "8 s, 2 s per epoch"
    assert facts["GPU-days"] == "9.26e-05"
    assert facts["Device"] == "cuda: NVIDIA H100"
    assert (facts["Peak memory"], facts["Peak device memory"]) == ("3.00 GiB", "2.50 GiB")
    assert not any("gpu" in title or "costs" in title for title in written.all("h3"))


def test_what_a_search_has_not_decided_stands_in_the_summary_as_text(tmp_path: Path) -> None:
    write_search(tmp_path)
    assert "has not decided" not in Page(tmp_path).source
    lines = [json.loads(line) for line in (tmp_path / HISTORY).read_text().splitlines()]
    lines[-1]["undecided"] = ["normal cell: the genotype is noise", EVIL]
    (tmp_path / HISTORY).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    written = Page(tmp_path)
    assert "What this search has not decided:" in written.all("p")
    assert "normal cell: the genotype is noise" in written.all("li")
    assert EVIL in "".join(written.all("li"))
    assert "alert(1)" not in "".join(written.all("script"))


def test_the_genotype_can_be_downloaded(tmp_path: Path) -> None:
    genotype = write_search(tmp_path, name="a name/with: signs")
    link = next(attributes for tag, attributes in Page(tmp_path).tags if tag == "a" and "download" in attributes)
    assert link["download"] == "a-name-with-signs.json"
    content = base64.b64decode(str(link["href"]).partition("base64,")[2]).decode()
    assert Genotype.loads(content) == genotype


def test_the_page_asks_the_network_for_nothing(tmp_path: Path) -> None:
    write_search(tmp_path)
    written = Page(tmp_path)
    for tag, attributes in written.tags:
        for name in ("src", "href", "xlink:href", "action", "data", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:")), (tag, name, value)
    assert not re.search(r"url\((?!#)|@import", written.source)
    policy = next(a["content"] for tag, a in written.tags if tag == "meta" and a.get("http-equiv"))
    assert str(policy).startswith("default-src 'none'")


def test_ids_are_unique_and_pointed_at(tmp_path: Path) -> None:
    write_search(tmp_path)
    tags = Page(tmp_path).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    pointers = [str(a.get("href") or a.get("xlink:href") or "") for _, a in tags]
    pointers += [f"#{a['aria-labelledby']}" for _, a in tags if "aria-labelledby" in a]
    assert {p[1:] for p in pointers if p.startswith("#")} <= set(ids)


@pytest.mark.parametrize("name", [EVIL, "</title></script><img src=x onerror=alert(1)>", "{{ 7 * 7 }}", "ü" * 200])
def test_a_name_stays_a_name(tmp_path: Path, name: str) -> None:
    write_search(tmp_path / "plain")
    write_search(tmp_path / "named", name=name)
    plain, named = Page(tmp_path / "plain"), Page(tmp_path / "named")
    assert [tag for tag, _ in named.tags] == [tag for tag, _ in plain.tags]  # nothing became markup
    assert "".join(named.all("h1")) == name
    assert "<!--" not in named.source.partition("<body>")[2]


def test_evil_configurations_and_histories_stay_text(tmp_path: Path) -> None:
    genotype = write_search(tmp_path / "search")
    network = {"skeleton": "cifar", "channels": 8, "layers": 5}
    write_training(tmp_path / "a", genotype, config={"preset": EVIL, "data": {"name": EVIL}, "network": network})
    history = tmp_path / "a" / HISTORY
    lines = [{**json.loads(line), EVIL: 1.5, "note": EVIL} for line in history.read_text().splitlines()]
    history.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    written = Page(tmp_path / "a")
    scripts = [attributes for tag, attributes in written.tags if tag == "script"]
    assert len(scripts) == 2
    assert any(EVIL in text for text in written.all("h3"))  # a number that nobody knows has its chart


def test_a_training_is_reported(tmp_path: Path) -> None:
    genotype = write_search(tmp_path / "search")
    write_training(tmp_path / "training", genotype)
    written = Page(tmp_path / "training")
    assert "Training on fake" in written.source
    assert "not finished" in written.source
    assert written.all("dd")[:2] == ["80.00%", "80.00%"]
    for title in ("Accuracy", "Loss", "Learning rate", "Drop path", "Images a second"):
        assert title in written.all("h3")
    assert not any(attributes.get("class") == "evolution" for _, attributes in written.tags)


def test_an_unfinished_search_is_reported_as_such(tmp_path: Path) -> None:
    write_search(tmp_path, finished=False)
    written = Page(tmp_path)
    assert "not finished" in written.all("strong")
    assert "4 of 7 epochs" in written.source
    assert "Genotype so far" in written.all("h2")


def test_of_several_seeds_the_best_is_reported(tmp_path: Path) -> None:
    config = {"seeds": 3, "search": {"seed": 5}}
    (tmp_path / CONFIG).write_text(json.dumps({"command": SEARCH_SEEDS, "genocc": "0.1.0", "config": config}))
    for seed, accuracy in ((5, 0.7), (6, 0.9), (7, 0.8)):
        write_search(tmp_path / f"seed-{seed}", seed=seed, accuracy=accuracy, name=f"seed {seed}")
    running = Page(tmp_path)
    assert running.all("h1") == ["seed 6"]
    assert "not finished" in running.all("strong")
    # the folder's genotype decides, whatever it was chosen by
    (tmp_path / RUN_GENOTYPE).write_bytes((tmp_path / "seed-7" / RUN_GENOTYPE).read_bytes())
    written = Page(tmp_path)
    assert written.all("h1") == ["seed 7"]
    assert "not finished" not in written.source
    for text in ("seed-5", "seed-6", "seed-7", "70.00%", "90.00%", "80.00%", "this report"):
        assert text in written.all("td")


def test_long_histories_fit(tmp_path: Path) -> None:
    operations = (
        "none", "skip_connect", "max_pool_3x3", "avg_pool_3x3", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3",
        "dil_conv_5x5",
    )  # fmt: skip
    write_search(tmp_path / "search", epochs=50, nodes=4, operations=operations)
    assert len(page(RunData.read(tmp_path / "search"))) < LARGEST / 2
    write_training(tmp_path / "training", Genotype.load(tmp_path / "search" / RUN_GENOTYPE), epochs=600)
    assert len(page(RunData.read(tmp_path / "training"))) < LARGEST / 2


def test_the_same_run_gives_the_same_page(tmp_path: Path) -> None:
    write_search(tmp_path)
    assert page(RunData.read(tmp_path)) == page(RunData.read(tmp_path))


def test_a_history_that_was_cut_is_not_finished(tmp_path: Path) -> None:
    write_search(tmp_path)
    assert "not finished" not in Page(tmp_path).source
    (tmp_path / HISTORY).write_text("".join((tmp_path / HISTORY).read_text().splitlines(keepends=True)[:-1]))
    assert "not finished" in Page(tmp_path).all("strong")


def _broken(folder: Path, what: str) -> None:
    if what == "empty":
        (folder / HISTORY).unlink()
    elif what == "line":
        (folder / HISTORY).write_text('{"epoch": 1}\nnonsense\n')
    elif what == "order":
        (folder / HISTORY).write_text('{"epoch": 1}\n{"a": 1}\n')
    elif what == "command":
        (folder / CONFIG).write_text(json.dumps({"command": "bake", "config": {}}))
    elif what == "genotype":
        (folder / RUN_GENOTYPE).write_text("{}")


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("empty", "history.jsonl: no epoch in it yet"),
        ("line", "history.jsonl: line 2 is not JSON"),
        ("order", "history.jsonl: line 2: epoch is null; expected 2"),
        ("command", "a run of `genocc bake`; reports are of `search` and `train`"),
        ("genotype", "genotype.json"),
    ],
)
def test_what_cannot_be_reported_is_one_line(tmp_path: Path, what: str, message: str) -> None:
    write_search(tmp_path / "run")
    _broken(tmp_path / "run", what)
    result = CliRunner().invoke(app, ["report", str(tmp_path / "run"), "-o", str(tmp_path / "a.html")])
    assert result.exit_code == 2
    assert result.stderr.startswith("genocc: error: ")
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "a.html").exists()


def test_no_run_no_folder_no_suffix(tmp_path: Path) -> None:
    write_search(tmp_path / "run")
    with pytest.raises(GenoccError, match=r"no run in it \(config.json is missing\)"):
        write_report(tmp_path / "nothing", tmp_path / "a.html")
    with pytest.raises(GenoccError, match="no such folder"):
        write_report(tmp_path / "run", tmp_path / "missing" / "a.html")
    with pytest.raises(TargetError, match=r"expected a name that ends in .html"):
        write_report(tmp_path / "run", tmp_path / "run" / RUN_GENOTYPE)


def test_without_dot_the_old_page_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_search(tmp_path / "run")
    output = tmp_path / "a.html"
    output.write_text("before")
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    with pytest.raises(TargetError, match="the program `dot` is missing; install Graphviz"):
        write_report(tmp_path / "run", output)
    assert output.read_text() == "before"
