"""The run that a checkpoint belongs to: noted in the checkpoint, and compared when a run goes on from it.

States of equal shapes fit any run: a folder whose checkpoints, history or config.json are another run's, or were
changed, would go on with a mixture of both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from genocc.errors import GenoccError, RunError
from genocc.runs.folder import RunFolder, difference
from genocc.runs.reading import KNOWN_DATA, KNOWN_FILES, history_lines

_RUN, _HISTORY = "run", "history"


def belonging(run: RunFolder, epochs: int) -> dict[str, str]:
    """Returns what a checkpoint after so many epochs notes of its run: settings, data, a digest of the history."""
    return {
        _RUN: json.dumps(run.content, ensure_ascii=False),
        _HISTORY: digest(history_lines(run.path)[:epochs]),
    }


def refuse_foreign(run: RunFolder, found: object, epochs: int) -> None:
    """Refuses a checkpoint that is not a run's own.

    Args:
        run: Which would go on with it.
        found: The checkpoint's `belonging`.
        epochs: Those done at the checkpoint.

    Raises:
        RunError: It is of other settings, data or epochs; the message names the first difference.
    """
    lines = history_lines(run.path)
    try:
        own = dict(json.loads(found[_RUN]))  # type: ignore[index]
        differs = _difference(run, own)
        history = found[_HISTORY]  # type: ignore[index]
    except (GenoccError, KeyError, TypeError, ValueError, RecursionError):
        reason = "does not say of which run it is"
    else:
        if differs:
            reason = f"is of a run with other settings or data: {differs}"
        elif len(lines) >= epochs and history != digest(lines[:epochs]):  # fewer, `truncate` refuses
            reason = f"is of a run with another history of its first {epochs} epochs"
        else:
            return
    raise RunError(
        f"{run.path}: its checkpoint {reason}. The run cannot go on with it: put the run's own files back, or start a "
        "new run"
    )


def _difference(run: RunFolder, own: Mapping[str, Any]) -> str:
    """The first difference of a checkpoint's run from a run, in words; the place of the data does not count."""
    content = run.content
    if own.get("command") != content["command"]:
        return f"command is {json.dumps(own.get('command'))[:60]}"
    if found := difference(run.today(own["config"]), content["config"]):
        return found
    known = {KNOWN_DATA: "its images are others", KNOWN_FILES: "the files of its settings are others"}
    return next((said for key, said in known.items() if own.get(key) != content.get(key)), "")


def digest(lines: Sequence[str]) -> str:
    """Returns a digest of lines of a history."""
    return sha256("\n".join(lines).encode()).hexdigest()
