"""The soak for some seconds, and whether its report tells what went wrong."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tests.feed_support import PERFECT, Verdict
from tests.soak import RATE, soak
from tests.soak_report import Report

GOOD = Report(seed=1, events=3, readings={"pages": (3, PERFECT)}, lost=0, control=1, deeds={"commit": 3})


def test_through_kills_of_the_server_each_reader_sees_each_event_once() -> None:
    report = soak(15, RATE, random.SystemRandom().randrange(10**9))
    print(report)
    assert report.is_perfect
    assert report.deeds["server killed"]
    assert report.deeds["backends killed"]
    assert len(report.readings) == 8


@pytest.mark.parametrize(
    "report",
    [
        replace(GOOD, readings={"pages": (3, PERFECT), "tail": (2, fault)})
        for fault in (Verdict(1, 0, 0, 0), Verdict(0, 1, 0, 0), Verdict(0, 0, 1, 0), Verdict(0, 0, 0, 1))
    ]
    + [replace(GOOD, lost=1), replace(GOOD, control=0)],
    ids=["skipped", "duplicated", "inverted", "invented", "lost", "nothing was at stake"],
)
def test_a_fault_is_told(report: Report) -> None:
    assert GOOD.is_perfect
    assert not report.is_perfect
    assert str(report) != str(GOOD)
