"""Runs an experiment: its jobs on an engine, each training as soon as its search is done.

What is done is read off the run folders, so a driver that was killed at any moment goes on where they are.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from genocc.engines.base import Engine, Job, Outcome
from genocc.experiments.check import check
from genocc.experiments.comparable import check_comparable
from genocc.experiments.plan import Plan
from genocc.experiments.progress import JobsProgress
from genocc.experiments.sources import EXPERIMENT, EXPERIMENT_FILE, Source, own_plan
from genocc.runs.folder import RunFolder, open_run
from genocc.runs.interruption import interruptions
from genocc.runs.reading import CONFIG, read_history


def run_experiment(
    source: Source,
    out: Path,
    engine: Engine,
    *,
    scale: str | None = None,
    data: str | None = None,
    resume: bool = False,
    progress: JobsProgress | None = None,
) -> Plan:
    """Runs the jobs of an experiment that are not done yet.

    A job that fails is reported, and so are those that wait for it; the others go on.

    Args:
        source: The experiment.
        out: Its folder.
        engine: What runs jobs.
        scale: Name of a scale [tiny]; when it is resumed, its own.
        data: Images for all jobs, as ``--data`` takes them [those that the file names].
        resume: Go on with the experiment in ``out``.
        progress: Where progress is shown.

    Returns:
        The jobs, of which some may have failed: `failures` names them.

    Raises:
        GenoccError: The experiment or the folder cannot be used, or has other jobs than those that were begun, or jobs
            that cannot stand in one table.
        KeyboardInterrupt: Ctrl-C or SIGTERM, after all jobs have ended; the experiment can be resumed.
    """
    progress = progress or JobsProgress()
    if resume and (out / CONFIG).exists():
        found = own_plan(out, source, data)
        if scale is not None:
            found = source.plan(scale, out, found.data)
    else:
        found = source.plan(scale or "tiny", out, data)
    check(found, source.where)
    with interruptions(), open_run(out, EXPERIMENT, found.settings(), resume=resume, result=EXPERIMENT_FILE) as folder:
        check_comparable(found)
        folder.begin()
        folder.finish(source.text)
        try:
            _Driver(found, folder, engine, progress).run()
        except KeyboardInterrupt:
            progress.message(f"stopped; go on with: genocc experiment {out} --resume")
            raise
        check_comparable(found)
    return found


def failures(plan: Plan, out: Path) -> dict[str, str]:
    """Returns the jobs whose last attempt has failed, each with the reason."""
    last = {str(line.get("job")): line for line in read_history(out)}
    return {
        step.name: str(last[step.name].get("message", ""))
        for step in plan.steps
        if step.name in last and not last[step.name].get("ok") and not step.done
    }


class _Driver:
    def __init__(self, plan: Plan, folder: RunFolder, engine: Engine, progress: JobsProgress) -> None:
        self.folder, self.engine, self.progress = folder, engine, progress
        history = read_history(folder.path)
        folder.truncate(len(history))  # which drops half a line
        self.waiting = {step.name: step for step in plan.steps if not step.done}
        progress.begin(plan.steps, {step.name for step in plan.steps} - self.waiting.keys(), history)

    def run(self) -> None:
        """Runs what is not done, each job once the one that it waits for is."""
        with self.progress, closing(self.engine.run(self._jobs(), started=self._started)) as outcomes:
            for outcome in outcomes:
                self._ended(outcome)

    def _jobs(self) -> list[Job]:
        return [
            Job(step.name, step.arguments, step.folder, after=(step.after,) if step.after in self.waiting else ())
            for step in self.waiting.values()
        ]

    def _started(self, job: Job) -> None:
        self.progress.started(job.name)

    def _ended(self, outcome: Outcome) -> None:
        """A job has its result or not, whatever its exit code: a search over its budget (code 1) has one."""
        name, message = outcome.job.name, outcome.message
        ok = self.waiting[name].done
        if not ok and not message:
            message = "ended without a result"
        line = {"job": name, "ok": ok, "attempts": outcome.attempts, "seconds": round(outcome.seconds, 3)}
        self.folder.append({**line, "message": message})
        self.progress.ended(name, ok, outcome.seconds, message)
