"""Turns of threads: in order at the beginning and at the end, side by side in between, and anew where one withdraws."""

from __future__ import annotations

import random
import threading

import pytest

from esdb_cli.turns import OvertakenError, TwoTurns

COUNT = 60


@pytest.mark.parametrize("seed", range(5))
def test_work_that_withdraws_makes_all_behind_it_begin_anew(seed: int) -> None:
    turns = TwoTurns()
    numbers = iter(range(COUNT))
    taking = threading.Lock()
    alone = {index for index in range(COUNT) if random.Random(f"{seed} {index}").random() < 0.2}
    drawn: dict[int, int] = {}
    finished: list[int] = []
    running: set[int] = set()
    clock = iter(range(10_000))

    def fail() -> None:
        raise ArithmeticError

    def work() -> None:
        while True:
            with taking:
                index = next(numbers, None)
            if index is None:
                return
            may_begin = True
            while True:
                try:
                    if may_begin:
                        turns.wait_to_begin(index)
                        drawn[index] = next(clock)
                        running.add(index)
                        turns.begin(index)
                        if index in alone:
                            fail()
                        turns.wait_to_finish(index)
                    else:
                        turns.wait_alone(index)
                        assert not running
                        drawn[index] = next(clock)
                    break
                except (OvertakenError, ArithmeticError) as error:
                    may_begin = isinstance(error, OvertakenError)
                    running.discard(index)
                    turns.withdraw(index)
            finished.append(index)
            running.discard(index)
            turns.finish()

    turns.run(4, work)
    assert finished == list(range(COUNT))
    assert [drawn[index] for index in finished] == sorted(drawn.values())


def test_an_error_ends_them_all() -> None:
    turns = TwoTurns()
    indexes = iter(range(3))

    def work() -> None:
        index = next(indexes)
        turns.wait_to_begin(index)
        turns.begin(index)
        if index == 1:
            raise ZeroDivisionError
        turns.wait_to_begin(COUNT)  # never comes

    with pytest.raises(ZeroDivisionError):
        turns.run(3, work)
    assert turns.has_failed
