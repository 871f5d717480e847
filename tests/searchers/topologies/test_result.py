"""The file of a ranking."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from genocc.errors import FileError, RunError
from genocc.searchers.topologies.result import RankedTopology, Ranking, read_ranking
from genocc.searchers.topologies.topologies import topologies


def test_what_is_written_is_read(tmp_path: Path) -> None:
    first, second = topologies()[:2]
    path = tmp_path / "ranking.json"
    ranking = Ranking({"top": 1}, (RankedTopology(first, 0.5, 0.75), RankedTopology(second, 0.25)), path)
    path.write_text(json.dumps(ranking.to_dict()))
    assert read_ranking(path) == ranking
    assert [row["name"] for row in ranking.to_dict()["topologies"]] == ["01-01-01-01", "01-01-01-02"]


def test_a_file_that_is_no_ranking_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"):
        read_ranking(tmp_path / "none.json")
    for text in ("", "[]", '{"topologies": [{}]}', '{"topologies": 1, "config": {}}'):
        (tmp_path / "ranking.json").write_text(text)
        with pytest.raises(RunError, match="not a ranking"):
            read_ranking(tmp_path / "ranking.json")
