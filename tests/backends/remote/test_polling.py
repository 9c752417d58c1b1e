"""The schedule of polls, on a clock that the test winds."""

from __future__ import annotations

import math
import random
import time

import pytest

from backends.remote.polling import PollSchedule


def learned(typical: float, spread: float = 0.15, jobs: int = 30) -> PollSchedule:
    schedule, draw = PollSchedule(), random.Random(7)
    for _ in range(jobs):
        schedule.observe(7.3, typical * math.exp(draw.gauss(0, spread)))
    return schedule


def polls(schedule: PollSchedule, done: float) -> list[float]:
    """Return the moments of the polls of a job that is done at `done` seconds."""
    moments = [schedule.wait(7.3, 0.0)]
    while moments[-1] < done:
        moments.append(moments[-1] + schedule.wait(7.3, moments[-1]))
    return moments


@pytest.mark.parametrize(("typical", "most"), [(0.5, 7), (1.0, 7), (3.0, 7), (10.0, 14)])
def test_a_learned_schedule_is_rare_at_first_and_close_at_the_end(
    typical: float, most: int
) -> None:
    """Few polls, the first near the earliest likely end, little waiting after it."""
    schedule = learned(typical)
    draw = random.Random(11)
    ends = [typical * math.exp(draw.gauss(0, 0.15)) for _ in range(200)]
    runs = [(polls(schedule, end), end) for end in ends]
    assert sum(len(moments) for moments, _ in runs) / 200 <= most
    assert min(moments[0] for moments, _ in runs) > 0.5 * typical
    late = sum(moments[-1] - end for moments, end in runs) / 200
    assert late < 0.05 + 0.02 * typical


def test_a_job_a_little_late_is_asked_for_soon_and_a_very_late_one_rarely() -> None:
    """Past the likely end the waits grow with how late it is, up to the two seconds of the tail."""
    schedule = learned(10.0)
    past = 10.0 * math.exp(2.5 * 0.15) + 0.5
    assert schedule.wait(7.3, past) < 0.5
    assert schedule.wait(7.3, past + 2.0) > schedule.wait(7.3, past)
    assert schedule.wait(7.3, 60.0) > 1.5


def test_a_cold_schedule_asks_at_once_and_ever_more_rarely() -> None:
    """Without samples: a tenth of the age, a fifth of a second at first, at most a second."""
    for elapsed, wait in ((0.0, 0.2), (1.0, 0.2), (5.0, 0.5), (15.0, 1.0)):
        for _ in range(20):
            assert PollSchedule().wait(7.3, elapsed) == pytest.approx(wait, rel=0.11)


def test_a_few_jobs_teach_nothing_yet() -> None:
    """Seven samples leave the schedule cold, the eighth makes it learned."""
    assert learned(10.0, jobs=7).wait(7.3, 0.0) < 0.3
    assert learned(10.0, jobs=8).wait(7.3, 0.0) > 3.0


def test_the_way_of_a_request_is_part_of_the_wait() -> None:
    """The next look is planned from the last one, not from when its answer arrived."""
    schedule = learned(10.0)
    planned = schedule.wait(7.3, 9.0, 9.0)
    assert schedule.wait(7.3, 9.0 + planned / 2, 9.0) == pytest.approx(planned / 2)
    assert schedule.wait(7.3, 9.0 + 2 * planned, 9.0) == 0.0
    assert schedule.wait(7.3, 9.0, 9.5) == schedule.wait(7.3, 9.0)


def test_a_few_stragglers_do_not_spoil_what_was_learned() -> None:
    """Three jobs in thirty that took ten times as long change the schedule little."""
    schedule, spoilt = learned(2.0, jobs=27), learned(2.0, jobs=27)
    for _ in range(3):
        spoilt.observe(7.3, 20.0)
    assert spoilt.wait(7.3, 0.0) == pytest.approx(schedule.wait(7.3, 0.0), rel=0.25)


def test_larger_pictures_are_expected_to_take_longer() -> None:
    """One line through all sizes and steps of an endpoint."""
    schedule = PollSchedule()
    for work in (1.0, 5.0, 10.0, 20.0, 30.0) * 3:
        schedule.observe(work, 0.5 + 0.1 * work)
    assert schedule.wait(30.0, 0.0) == pytest.approx(3.5, rel=0.2)
    assert schedule.wait(5.0, 0.0) == pytest.approx(1.0, rel=0.2)


def test_a_long_job_costs_little_thinking() -> None:
    """The schedule of a job of minutes is found in a few hundred steps."""
    schedule = learned(300.0)
    begun = time.perf_counter()
    for elapsed in range(0, 300, 10):
        schedule.wait(7.3, float(elapsed))
    assert time.perf_counter() - begun < 1.0


def test_what_is_late_is_asked_for_ever_more_rarely() -> None:
    """Far past the expected end: up to 2 s, and after two minutes up to half a minute."""
    schedule = learned(2.0)
    assert schedule.wait(7.3, 10.0) == pytest.approx(0.8, rel=0.2)
    assert schedule.wait(7.3, 60.0) == pytest.approx(2.0, rel=0.2)
    assert schedule.wait(7.3, 1000.0) == pytest.approx(30.0, rel=0.2)


def test_nonsense_is_not_learned() -> None:
    """Times that cannot be teach nothing."""
    schedule = PollSchedule()
    for seconds in (0.0, -1.0, math.inf, math.nan):
        schedule.observe(7.3, seconds)
    assert not schedule.samples


def test_a_fixed_interval_overrides_everything() -> None:
    """For tests, and for operators who insist."""
    schedule = PollSchedule(fixed_s=0.7)
    schedule.observe(7.3, 2.0)
    assert {schedule.wait(7.3, elapsed) for elapsed in (0.0, 5.0, 500.0)} == {0.7}
