"""Endpoints for what a person decides about jobs, and for what was spent."""

# No `from __future__ import annotations` here: Gradio reads the return types off the signature.

from dataclasses import dataclass
from typing import Any

import gradio as gr

from core.budget import MICROS
from core.decisions import decide
from core.studio import Studio
from ui.owner import owner_of
from ui.wishes import count, spoken


@dataclass(frozen=True, slots=True)
class Decisions:
    """Two more endpoints beside those of `ui.api`."""

    studio: Studio

    def register(self) -> None:
        """Add the endpoints to the Blocks being built."""
        for endpoint in (self.decide, self.spending):
            name = endpoint.__name__
            gr.api(endpoint, api_name=name, concurrency_limit=None, concurrency_id=f"api {name}")

    async def decide(
        self,
        id: str,  # noqa: A002
        decision: str,
        request_id: str = "",
        request: gr.Request | None = None,
    ) -> dict[str, Any]:
        """Decide about a job that failed or whose outcome is unknown; returns the job it leads to.

        Args:
            id: The job's id.
            decision: retry a failed job as a new one; fetch the picture of one that was paid for;
                look for an unknown one in the service's list; adopt what was found there; send it
                again, which may cost twice; or dismiss it.
            request_id: Which job of the service's list it is, for adopt.
        """
        with spoken():
            wish = str(decision)
            job = await decide(
                self.studio, str(id), wish, owner=owner_of(request), request_id=str(request_id)
            )
        return job.as_dict()

    async def spending(
        self, days: int = 30, request: gr.Request | None = None
    ) -> list[dict[str, Any]]:
        """Sum up what the caller spent, by day and backend, in dollars.

        Args:
            days: How many days back, today included, up to 366.
        """
        with spoken():
            rows = await self.studio.ledger.spending(days=count(days, 366), owner=owner_of(request))
        return [
            {
                "day": row.day,
                "backend": row.backend,
                "pictures": row.pictures,
                "spent_usd": row.spent / MICROS,
                "maybe_usd": row.maybe / MICROS,
                "reserved_usd": row.reserved / MICROS,
            }
            for row in rows
        ]
