"""Settings of figures: of one thread at a time, and put back."""

from __future__ import annotations

import threading

from matplotlib import rcParams

from genocc.exporters.drawing.style import figure_style


def test_threads_do_not_put_back_each_others_settings() -> None:
    before = rcParams["font.size"]
    inside, go = threading.Event(), threading.Event()
    seen = []

    def other() -> None:
        inside.wait()
        go.set()
        with figure_style({"font.size": 8}):
            seen.append(rcParams["font.size"])

    thread = threading.Thread(target=other)
    thread.start()
    with figure_style({"font.size": 7}):
        inside.set()
        go.wait()
        thread.join(0.05)  # it waits for this one
        seen.append(rcParams["font.size"])
    thread.join()
    assert seen == [7, 8]
    assert rcParams["font.size"] == before
