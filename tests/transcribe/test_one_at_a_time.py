"""One call at a time: other threads wait, the same thread is told, and so is a forked child."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sla_cli.errors import SlaError
from sla_cli.transcribe.one_at_a_time import OneAtATime


def test_other_threads_wait() -> None:
    turn, inside, most = OneAtATime(), [0], [0]

    def work(_: int) -> None:
        with turn:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            threading.Event().wait(0.001)
            inside[0] -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    assert most == [1]


def test_a_call_within_a_call_is_refused_and_the_next_one_works() -> None:
    turn = OneAtATime()
    with turn:
        with pytest.raises(SlaError, match="one of its own calls"), turn:
            pass
        with pytest.raises(SlaError), turn:
            pass
    with turn:
        pass


def test_a_forked_child_is_told() -> None:
    turn, context = OneAtATime(), multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    def use() -> None:
        with pytest.raises(SlaError) as told, turn:
            pass
        theirs.send(told.value.message)

    child = context.Process(target=use)
    child.start()
    child.join(100)
    assert (child.exitcode, ours.poll()) == (0, True)
    assert "opened in another process" in ours.recv()


@pytest.mark.parametrize("make", [copy.deepcopy, pickle.dumps])
def test_what_cannot_be_copied_says_so(make: Callable[[object], Any]) -> None:
    with pytest.raises(SlaError, match="cannot be copied, nor sent to another process"):
        make([OneAtATime()])
