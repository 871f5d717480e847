"""Signals: at once while nothing is at stake, deferred while there is something to save, never swallowed twice."""

import signal
import threading
from contextlib import suppress

import pytest

from genocc.runs import interruption as interruption_module
from genocc.runs.interruption import SIGNALS, interruptions


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_raises_at_once_or_waits_and_a_second_one_always_raises(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interruption_module, "APART", -1.0)
    with interruptions() as interruption:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        assert interruption.requested
    with interruptions() as interruption:
        interruption.deferred = True
        assert not interruption.requested
        signal.raise_signal(number)
        assert interruption.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)


def test_handlers_are_put_back_whatever_happens() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with suppress(ZeroDivisionError), interruptions() as interruption:
        assert [signal.getsignal(number) for number in SIGNALS] == [interruption] * 2
        raise ZeroDivisionError
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_signals_in_a_row_are_one() -> None:
    """`timeout` sends SIGTERM to the process and then to its group; torchrun passes on what a terminal has sent."""
    with interruptions() as interruption:
        interruption.deferred = True
        for number in (*SIGNALS, *SIGNALS):
            signal.raise_signal(number)
        assert interruption.requested


@pytest.mark.parametrize("number", SIGNALS)
def test_an_ignored_signal_stays_ignored(number: signal.Signals) -> None:
    """As `nohup` and a shell's jobs in the background have it."""
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with interruptions() as interruption:
            signal.raise_signal(number)
            assert not interruption.requested
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_a_handler_that_is_not_pythons_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "getsignal", lambda number: None)
    monkeypatch.setattr(signal, "signal", pytest.fail)
    with interruptions() as interruption:
        assert not interruption.requested


def test_another_thread_leaves_the_handlers_alone() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    seen = []

    def work() -> None:
        with interruptions() as interruption:
            seen.extend([interruption.requested, [signal.getsignal(number) for number in SIGNALS] == before])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False, True]
