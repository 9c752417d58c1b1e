"""The jobs of a soak: which are drawn, and whether each fits what the sandbox charged for it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import PlaygroundError
from core.history import History
from core.jobs.ledger import Job
from core.studio import Studio
from sandbox.faults import catalogue

OWNERS = 7
SPOILT_EVERY = 20
CLASSES: Mapping[str, Sequence[str]] = {
    "refused": tuple(catalogue.REFUSALS),
    "throttled": ("submit_429_retry_after", "submit_429_retry_date"),
    "lost": tuple(catalogue.UNCLEAR),
    "lost, billed": tuple(f"{name}_billed" for name in catalogue.UNCLEAR),
    "accepted": tuple(catalogue.ACCEPTED),
    "poll": tuple(catalogue.POLLS),
    "result": tuple(catalogue.RESULTS),
    "run": tuple(catalogue.RUNS),
    "outputs": tuple(catalogue.OUTPUTS),
    "download": tuple(catalogue.DOWNLOADS),
}
HOLDING = ("submit_hang", "submit_slow_head", "stranger")
"""An answer that never comes holds the turn to send for its whole timeout."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One job to be; `fault` is "" for most."""

    service: str
    owner: str
    prompt: str
    fault: str


def wishes(seed: int) -> Iterator[Wish]:
    """Draw jobs without end, half of them for each service, the same for the same seed."""
    dice, n = random.Random(seed), 0
    spoilt = faults(dice)
    while True:
        n += 1
        fault = next(spoilt) if n % SPOILT_EVERY == 0 else ""
        service = dice.choice(["wavespeed", "siraya"])
        if fault.startswith("run_"):  # Siraya tells a failed run as a refusal: no word of a charge
            service = "wavespeed"
        prompt = f"fault:{fault}|hills {n}" if fault else f"hills {n}"
        yield Wish(service, f"owner {dice.randrange(OWNERS)}", prompt, fault)


def faults(dice: random.Random) -> Iterator[str]:
    """Draw a fault from each class in turn."""
    while True:
        for names in CLASSES.values():
            allowed = [name for name in names if not any(part in name for part in HOLDING)]
            yield dice.choice(allowed)


def pending(job: Job) -> bool:
    """Whether a job is paid for and says why it is not here yet."""
    return job.state == "running" and bool(job.request_id and job.error)


async def account(
    studio: Studio, made: Mapping[str, Wish], rows: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Hold every job against what the sandbox charged; return what does not fit."""
    charges = Counter(str(row["prompt"]) for row in rows)
    ends: Counter[str] = Counter()
    complaints = []
    for job_id, wish in made.items():
        job = await studio.ledger.get(job_id)
        paid = charges.pop(wish.prompt, 0)
        kind = "spoilt" if wish.fault else "plain"
        ends[f"{kind} {job.state}{', charged' if paid else ''}"] += 1
        if complaint := await misfit(studio.history, job, wish, paid):
            complaints.append(f"{wish.service} {wish.prompt}: {complaint} ({job.error})")
    complaints += [f"charged without a job: {prompt}" for prompt in charges if "hills" in prompt]
    for name, count in sorted(ends.items()):
        print(f"  {count:5}  {name}")
    for one in complaints[:20]:
        print(f"  does not fit: {one}")
    return complaints


async def misfit(history: History, job: Job, wish: Wish, charges: int) -> str:
    """Say how a job and its charges do not fit batch, or ""."""
    if charges > 1:
        return f"charged {charges} times"
    if charges and job.charged == "no":
        return f"charged, and told as free, {job.state}"
    if job.state == "finished":
        return "" if charges and await stored(history, job) else "a picture without charge or file"
    if job.active and not pending(job):
        return f"stuck as {job.state}"
    return "" if wish.fault else f"nothing was wrong with it, and it is {job.state}"


async def stored(history: History, job: Job) -> bool:
    """Tell whether the entry of a job is there with its files."""
    try:
        entry = await history.get(job.entry_id or "", owner=job.owner)
    except PlaygroundError:
        return False
    names = (entry.file, entry.thumbnail)
    return all([await history.storage.exists(name) for name in names])
