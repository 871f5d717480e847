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


@pytest.mark.full
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


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_a_cluster_that_is_not_there_is_one_line(address: str, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=rf"engine 'ray': nothing answers at {address}: Connection refused"):
        list(choose("ray", settings={"ray.address": address}).run([job(tmp_path)]))
