"""The same 47 inputs, 46 of them faulty, for the playground and for other people's clients.

    python -m bench.faults [--only CLIENT ...]

One fine job, 14 ways in which a submit goes wrong, 14 of a poll, 18 of a download; each client is a
process of its own and has 20 s an input. Counted: images in hand, what was billed and lost
(neither image nor id in the caller's hands), billed twice, files that are no image handed out
as one, forbidden addresses fetched, peak memory. Needs requirements-dev.txt. Exits with 1 when the
playground breaks a promise. What every client did with each input is in `bench/faults.json`, if
`--keep` asks for it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from bench.faulty_clients import CLIENTS
from bench.remote import started, verdict

SUBMITS = (
    "submit_reset",
    "submit_reset_billed",
    "submit_401",
    "submit_502_html_billed",
    "submit_504_html_billed",
    "submit_503",
    "submit_hang_billed",
    "submit_slow_head_billed",
    "submit_429_retry_after",
    "submit_402",
    "submit_400_in_200",
    "submit_html_billed",
    "submit_truncated_billed",
    "submit_no_id_billed",
)
POLLS = (
    "poll_reset",
    "poll_500",
    "poll_429_retry_after",
    "poll_404",
    "poll_html",
    "poll_truncated",
    "poll_unknown_status",
    "run_failed_hostile",
    "run_cancelled",
    "result_empty_outputs",
    "poll_huge",
    "poll_deep",
    "poll_hang",
    "poll_other_id",
)
DOWNLOADS = (
    "download_reset",
    "download_short",
    "download_404",
    "download_403",
    "download_html",
    "download_redirect_metadata",
    "download_redirect_loopback",
    "outputs_file_url",
    "outputs_loopback_url",
    "download_redirect_loop",
    "download_endless",
    "download_length_10g",
    "download_trickle",
    "download_gzip_bomb",
    "download_bomb",
    "download_truncated",
    "download_corrupt",
    "download_svg",
)
NOT_TO_BE_HAD = {
    "submit_reset": "nothing was billed and nothing is in the list: a person decides",
    "submit_503": "nothing was billed and nothing is in the list: a person decides",
    "submit_401": "refused",
    "submit_402": "refused",
    "submit_400_in_200": "refused",
    "run_failed_hostile": "the service failed",
    "run_cancelled": "the service cancelled it",
    "download_403": "expired for good",
    "download_redirect_metadata": "forbidden",
    "download_redirect_loopback": "forbidden",
    "outputs_file_url": "forbidden",
    "outputs_loopback_url": "forbidden",
    "download_redirect_loop": "leads nowhere",
    "download_endless": "never ends",
    "download_length_10g": "claims 10 GB, for ever",
    "download_gzip_bomb": "a bomb",
    "download_bomb": "a bomb",
    "download_svg": "no picture",
}
"""Inputs that cannot become an image without paying again, and why."""
SIRAYA_KNOWS = (*SUBMITS, *DOWNLOADS)
MOST_MB = 150


def inputs(client: str) -> list[str]:
    """Return the prompts of a client; what has no polls is spared their faults."""
    names = [*SUBMITS, *POLLS, *DOWNLOADS] if client != "openai SDK" else [*SIRAYA_KNOWS]
    return ["a lake", *(f"fault:{name}|a lake" for name in names)]


def measure(client: str) -> dict[str, Any]:
    """Run a client in a process of its own against a fresh sandbox, and hold it to the bill."""
    process, origin = started(0.3)
    try:
        command = [sys.executable, "-m", "bench.faulty_clients", client, origin]
        done = subprocess.run(
            command,
            input=json.dumps(inputs(client)),
            capture_output=True,
            text=True,
            check=False,
            timeout=1500,
        )
        if done.returncode:
            sys.exit(f"{client} broke:\n{done.stderr[-3000:]}")
        report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        rows = httpx.get(f"{origin}/sandbox/ledger").json()
        report["forbidden"] = httpx.get(f"{origin}/sandbox/stats").json()["forbidden"]
    finally:
        process.kill()
    return judged(client, report, rows)


def judged(client: str, report: dict[str, Any], rows: Sequence[Mapping[str, Any]]) -> Any:
    """Add what the sandbox billed to what the client says of each input."""
    billed: dict[str, int] = {}
    for row in rows:
        billed[row["prompt"]] = billed.get(row["prompt"], 0) + (not row["stranger"])
    ends = report["ends"]
    for prompt, end in ends.items():
        end["billed"] = billed.get(prompt, 0)
    return report | {
        "client": client,
        "inputs": len(ends),
        "pictures": sum(end["picture"] for end in ends.values()),
        "lost": sum(e["billed"] > 0 and not e["picture"] and not e["told"] for e in ends.values()),
        "twice": sum(end["billed"] > 1 for end in ends.values()),
        "late": sum(end["late"] for end in ends.values()),
        "garbage": sum(end["garbage"] for end in ends.values()),
    }


def row(result: Mapping[str, Any]) -> str:
    """Write one line of the table."""
    return (
        f"{result['client']:20} pictures {result['pictures']:2}/{result['inputs']}  "
        f"billed and lost {result['lost']:2}  billed twice {result['twice']:2}  "
        f"no end in 20 s {result['late']:2}  garbage {result['garbage']:2}  "
        f"forbidden {result['forbidden']}  memory {result['memory_mb']:4.0f} MB"
    )


def promises(ours: Mapping[str, Any]) -> bool:
    """Print what was promised of the playground, and whether it holds."""
    missing = [
        prompt
        for prompt, end in ours["ends"].items()
        if not end["picture"] and prompt.partition(":")[2].partition("|")[0] not in NOT_TO_BE_HAD
    ]
    for prompt in missing:
        print(f"no picture: {prompt}: {ours['ends'][prompt]['said']}")
    return all(
        [
            verdict("recoverable inputs without their picture", len(missing), 0),
            verdict("billed and lost", ours["lost"], 0),
            verdict("billed twice", ours["twice"], 0),
            verdict("forbidden addresses fetched", ours["forbidden"], 0),
            verdict("files handed out that are no picture", ours["garbage"], 0),
            verdict("peak memory, MB", ours["memory_mb"], MOST_MB),
        ]
    )


def main() -> None:
    """Measure every client, print the table, and hold the playground to its promises."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=list(CLIENTS), default=list(CLIENTS))
    parser.add_argument("--keep", type=Path, help="write every input's end to this file")
    options = parser.parse_args()
    results = {}
    for client in options.only:
        results[client] = measure(client)
        print(row(results[client]), flush=True)
    if options.keep:
        options.keep.write_text(json.dumps(results, indent=1), encoding="utf-8")
    sys.exit(0 if "playground" not in results or promises(results["playground"]) else 1)


if __name__ == "__main__":
    main()
