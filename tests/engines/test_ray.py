"""Tasks of Ray on a cluster that is started here; `test_base` has what all engines do. Starting Ray takes seconds."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from genocc.engines.base import choose, engine_type
from genocc.errors import EngineError
from tests.engines.jobs import alive, begun, job, until

if reason := engine_type("ray").lacks():
    pytest.skip(reason, allow_module_level=True)

pytestmark = pytest.mark.full


def test_a_worker_that_is_killed_takes_its_command_along_and_the_last_is_ended(tmp_path: Path) -> None:
    one, endless = job(tmp_path, "preempted"), job(tmp_path, "endless")

    def kill() -> None:
        until((one.folder / "ready").exists, 60)
        pid = int((one.folder / "pid").read_text())
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(parent, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    handler = signal.getsignal(signal.SIGTERM)
    outcomes = choose("ray", jobs=2).run([one, endless])
    outcome = next(outcomes)
    assert signal.getsignal(signal.SIGTERM) is handler
    thread.join()
    assert (outcome.job.name, outcome.ok, outcome.attempts) == ("preempted", True, 2)
    assert (one.folder / "saved").exists()
    until((endless.folder / "ready").exists, 60)
    outcomes.close()
    assert (endless.folder / "saved").exists()
    assert not alive(int((endless.folder / "pid").read_text()))
    assert len(begun(one)) == 2


def test_a_cluster_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAY_raylet_start_wait_time_s", "1")
    with pytest.raises(EngineError, match=r"engine 'ray': the cluster at 127\.0\.0\.1:1 cannot be used"):
        list(choose("ray", settings={"ray.address": "127.0.0.1:1"}).run([job(tmp_path)]))
