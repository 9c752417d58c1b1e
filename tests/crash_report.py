"""What a crash campaign prints: what its kills hit, what is there now, and what is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from pathlib import Path
from typing import Any

from tests.crash_audit import Verdict, opened, prompt_of, table


def phase(job: dict[str, Any], done: set[str]) -> str:
    """Name what a job was in the middle of; "" for one that had ended."""
    if job["state"] not in ("waiting", "sending", "running"):
        return ""
    if job["state"] == "waiting":
        return "a wait for its turn"
    if job["backend"] == "siraya":
        return "a synchronous answer"
    if job["request_id"] is None:
        return "a send"
    return "a download" if job["request_id"] in done else "polling"


def fates(data: Path, cut_sends: Set[str], charged: Set[str]) -> Counter[str]:
    """Count what became of the jobs whose request was out at a kill."""
    with opened(data) as database:
        jobs = [job for job in table(database, "jobs") if job["id"] in cut_sends]
    return Counter(
        f"{job['state']}, {'' if prompt_of(job) in charged else 'not '}charged" for job in jobs
    )


def report(hits: Counter[str], verdict: Verdict, cut_off: Counter[str]) -> None:
    """Print the figures and every broken promise."""
    for name, count in hits.most_common():
        print(f"  {count:5}  {name}")
    print("what is there now:")
    for name, count in sorted(verdict.counts.items()):
        print(f"  {count:5}  {name}")
    print("sends that a kill cut off, by what became of them:", dict(cut_off))
    for sentence in verdict.violations[:40]:
        print(f"BROKEN {sentence}")
    print(f"{len(verdict.violations)} promises broken")
