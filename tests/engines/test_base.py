"""What all engines do alike: outcomes, another attempt, what is refused, and the same results from each of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from genocc.configuration import Part
from genocc.engines.base import Engine, Job, Session, choose, engine_names, engine_type, parse_settings
from genocc.errors import EngineError
from tests.engines.jobs import begun, job

SETTINGS: dict[str, dict[str, str]] = {"local": {}, "slurm": {"slurm.cluster": "local"}, "ray": {}}


@pytest.fixture(params=["local", "slurm", pytest.param("ray", marks=pytest.mark.full)])
def engine(request: pytest.FixtureRequest) -> Engine:
    if reason := engine_type(request.param).lacks():
        pytest.skip(reason)
    return choose(request.param, jobs=2, settings=SETTINGS[request.param])


def test_three_jobs_of_which_one_fails_and_one_is_killed(engine: Engine, tmp_path: Path) -> None:
    """The same from every engine: outcomes, what is in the run folders, and logs beside them."""
    jobs = [job(tmp_path, what) for what in ("killed-once", "misused", "done")]
    started: list[str] = []
    found = {one.job.name: one for one in engine.run(jobs, started=lambda one: started.append(one.name))}
    assert started == ["killed-once", "misused", "done"]
    assert {name: (one.ok, one.code, one.attempts) for name, one in found.items()} == {
        "killed-once": (True, 0, 2),
        "misused": (False, 2, 1),
        "done": (True, 0, 1),
    }
    assert found["misused"].message == "--epochs x: expected a number"
    assert found["done"].message == ""
    assert all(0 < one.seconds < 60 for one in found.values())
    assert [line.partition("]")[0] for line in begun(jobs[0])] == ["[", "['--resume'"]
    assert {path.name for path in tmp_path.rglob("result")} == {"result"}
    assert (jobs[0].folder / "result").read_text() == "killed-once is done\n"
    assert (jobs[2].folder / "result").read_text() == "done is done\n"
    assert jobs[0].log.read_text().splitlines() == ["working on killed-once"] * 2


class Scripted(Engine):
    """Ends jobs with the exit codes that their names say, and notes how many run at a time."""

    name: ClassVar[str] = "scripted"

    def open(self, jobs: Sequence[Job]) -> Session:
        return ScriptedSession(self)

    def __init__(self, jobs: int) -> None:
        super().__init__(jobs, Part())
        self.most, self.closed = 0, 0


class ScriptedSession(Session):
    def __init__(self, engine: Scripted) -> None:
        self.most, self.engine = engine.jobs or 1, engine
        self.running: list[Job] = []

    def start(self, jobs: Sequence[Job]) -> None:
        self.running += jobs
        self.engine.most = max(self.engine.most, len(self.running))

    def wait(self) -> tuple[Job, int, str]:
        one = self.running.pop()
        return one, int(one.name.split()[0]), "said"

    def close(self) -> None:
        self.engine.closed += 1


def test_a_job_begins_after_those_that_it_waits_for_and_never_if_they_fail() -> None:
    def named(name: str, *after: str) -> Job:
        return Job(name, (), Path(name), after=after)

    jobs = [named("0 a"), named("2 b"), named("0 c", "0 a"), named("0 d", "0 a", "2 b"), named("0 e", "0 d")]
    started: list[str] = []
    found = {one.job.name: one for one in Scripted(2).run(jobs, started=lambda one: started.append(one.name))}
    assert started.index("0 a") < started.index("0 c")
    assert set(started) == {"0 a", "2 b", "0 c"}
    assert [name for name, one in found.items() if one.ok] == [name for name in found if name in ("0 a", "0 c")]
    assert (found["0 d"].message, found["0 d"].attempts) == ("not begun, since 2 b has failed", 0)
    assert found["0 e"].message == "not begun, since 0 d has failed"


def test_a_job_is_next_once_it_can_begin() -> None:
    jobs = [Job(name, (), Path(name)) for name in ("0 a", "0 b")] + [Job("0 c", (), Path("c"), after=("0 a",))]
    assert [one.job.name for one in Scripted(1).run(jobs)] == ["0 a", "0 c", "0 b"]
    with pytest.raises(EngineError, match="job '0 c': no job '0 a' stands ahead of it"):
        list(Scripted(1).run(reversed(jobs)))


def test_what_a_command_ends_by_itself_is_not_tried_again() -> None:
    engine = Scripted(2)
    jobs = [Job(f"{code} {number}", (), Path(f"{code}{number}")) for number, code in enumerate((0, 1, 2, 70, -9, 130))]
    found = {one.code: (one.ok, one.attempts) for one in engine.run(jobs)}
    assert found == {0: (True, 1), 1: (False, 1), 2: (False, 1), 70: (False, 2), -9: (False, 2), 130: (False, 2)}
    assert (engine.most, engine.closed) == (2, 1)


def test_whoever_has_seen_enough_ends_the_others() -> None:
    engine = Scripted(2)
    outcomes = engine.run([Job(f"0 {number}", (), Path(str(number))) for number in range(4)])
    assert next(outcomes).ok
    assert engine.closed == 0
    outcomes.close()
    assert engine.closed == 1
    assert list(Scripted(1).run([])) == []


def test_jobs_that_would_meet_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="two jobs have the name 'a'"):
        Scripted(1).run([Job("a", (), tmp_path / "a"), Job("a", (), tmp_path / "b")])
    with pytest.raises(EngineError, match="two jobs have the folder"):
        Scripted(1).run([Job("a", (), tmp_path / "a"), Job("b", (), tmp_path / "a")])


def test_a_job_says_whether_it_may_use_a_gpu() -> None:
    assert Job("a", ("search", "--device", "cuda"), Path("a")).uses_gpu
    assert Job("a", ("search", "--seed", "1"), Path("a")).uses_gpu
    assert not Job("a", ("search", "--device", "cpu", "--seed", "1"), Path("a")).uses_gpu


@pytest.mark.parametrize(
    ("name", "jobs", "settings", "message"),
    [
        ("lokal", None, [], "unknown engine 'lokal'; did you mean 'local'?"),
        ("local", 0, [], "--jobs 0: expected at least 1"),
        ("local", None, ["gpus=0"], "--engine-set gpus=0: expected ENGINE.SETTING=VALUE"),
        ("local", None, ["slurm.time=3"], "--engine-set slurm.time: the engine is 'local'; expected local.SETTING"),
        ("local", None, ["local.gpu=3"], "there is no 'local.gpu'; did you mean 'local.gpus'?"),
    ],
)
def test_a_wrong_choice_is_one_line(name: str, jobs: int | None, settings: list[str], message: str) -> None:
    with pytest.raises(EngineError) as error:
        choose(name, jobs=jobs, settings=parse_settings(settings))
    assert message in str(error.value)


def test_an_engine_whose_package_is_missing_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_type("local"), "package", "no-such-package")
    with pytest.raises(EngineError, match=r"needs the package no-such-package: pip install 'genocc\[local\]'"):
        choose("local")
    assert "local" in engine_names()
