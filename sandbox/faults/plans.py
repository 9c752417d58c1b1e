"""Which faults befall which job, at which step and how often.

A job suffers those that its prompt names, as in `fault:poll_500*3|a red boat` or
`fault:submit_reset_billed+list_500*forever|a red boat`, else those of the sandbox's settings.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from sandbox.faults.catalogue import CATALOGUE
from sandbox.faults.kinds import Fault, Mishap, Outcome, Phase, Swap


@dataclass(frozen=True, slots=True)
class Planned:
    """A mishap that a job is going to suffer, and how often (None: for ever)."""

    name: str
    mishap: Mishap
    times: int | None


Plan = tuple[Planned, ...]


@dataclass(slots=True)
class Memory:
    """Counts what has struck whom, so that "once" is once."""

    struck: Counter[tuple[str, str]] = field(default_factory=Counter)
    fired: Counter[str] = field(default_factory=Counter)

    def next(self, faults: Plan, phase: Phase, whom: str) -> Fault | None:
        """Return the fault that strikes `whom` at this step now, and count it."""
        for planned in faults:
            fault = planned.mishap
            if not isinstance(fault, Fault) or fault.phase != phase:
                continue
            spent = self.struck[planned.name, whom]
            if planned.times is None or spent < planned.times:
                self.struck[planned.name, whom] += 1
                self.fired[planned.name] += 1
                return fault
        return None


def split(prompt: str) -> tuple[str, str]:
    """Return the names of the faults that a prompt begins with ("" if none) and the rest."""
    found = re.match(r"fault:([\w+*]+)\|", prompt)
    return (found[1], prompt[found.end() :]) if found else ("", prompt)


def plan(names: str) -> Plan:
    """Read `name`, `name*3`, `name*forever`, joined by `+`; raises ValueError."""
    return tuple(_planned(part) for part in names.split("+") if part and part != "ok")


def outcome(faults: Plan) -> Outcome | None:
    """Return how the job is to end, or None for well."""
    return next((one.mishap for one in faults if isinstance(one.mishap, Outcome)), None)


def address(faults: Plan, url: str) -> str:
    """Return the address to give out in place of `url`."""
    return next((one.mishap.url(url) for one in faults if isinstance(one.mishap, Swap)), url)


def _planned(text: str) -> Planned:
    name, _, times = text.partition("*")
    if name not in CATALOGUE:
        raise ValueError(f"the sandbox knows no fault named {name!r}")
    mishap = CATALOGUE[name]
    default = mishap.times if isinstance(mishap, Fault) else None
    return Planned(name, mishap, _times(times) if times else default)


def _times(text: str) -> int | None:
    if text == "forever":
        return None
    if not text.isdecimal():
        raise ValueError(f"{text!r} is not a number of times")
    return int(text)
