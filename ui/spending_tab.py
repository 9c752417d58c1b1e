"""The Spending tab: what was spent, by day, backend and owner, and what is left to spend."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from core.backend import Priced
from core.caller import Caller
from core.jobs.spending import Spending, day, total
from core.money import dollars
from core.studio import Studio
from ui import messages
from ui.generate.handlers import FREE
from ui.server.owner import caller_of

DAYS = 30


@dataclass(frozen=True, slots=True)
class SpendingTab:
    """Draws the tab anew whenever it is opened."""

    studio: Studio
    who: gr.BrowserState

    def build(self) -> None:
        """Lay the tab out."""
        with gr.Tab("Spending", id="spending", render_children=True) as item:
            view = gr.HTML(elem_id="spending-view", apply_default_css=False)
        item.select(self.show, [self.who], [view], trigger_mode="always_last", **FREE)

    async def show(self, who: str, request: gr.Request) -> AsyncIterator[str]:
        """Show what the ledger knows at once, then what the services say is left.

        Of the operator's accounts only admins are told; of a key of one's own its owner is.
        """
        caller = caller_of(request, who, self.studio.admins)
        yield await self._view(caller)
        reached = [*self.studio.own_backends(caller.owner).values()]
        reached += self.studio.backends.values() if caller.admin else ()
        priced = [one for one in reached if isinstance(one, Priced)]
        for backend in priced:
            await backend.refresh()
        if any(backend.balance_usd is not None for backend in priced):
            yield await self._view(caller)

    async def _view(self, caller: Caller) -> str:
        """Draw everybody's sums for admins; everybody else sees their own."""
        whose = None if caller.admin else caller.owner
        rows = await self.studio.spending(days=DAYS, owner=whose)
        parts = [self._figures(rows, balances=caller.admin), chart(rows)]
        parts.append(_table("By backend", rows, lambda row: self._label(row.backend)))
        if caller.admin:
            parts.append(_table("By owner", rows, lambda row: _named(row.owner)))
        parts.append(await self._own(caller.owner))
        return f'<div class="spending">{"".join(parts)}</div>'

    async def _own(self, owner: str) -> str:
        """What the owner spent with keys of their own, which is nobody else's business."""
        rows = await self.studio.spending(days=DAYS, owner=owner, own=True)
        table = _table("By backend", rows, lambda row: self._label(row.backend))
        backends = self.studio.own_backends(owner).values()
        told = [one for one in backends if isinstance(one, Priced) and one.balance_usd is not None]
        left = "".join(f"<p>{escape(one.label)}: ${one.balance_usd:.2f} left.</p>" for one in told)
        return f"<h2>{messages.WITH_OWN_KEY}</h2>{left}{table}" if rows or left else ""

    def _label(self, backend: str) -> str:
        found = self.studio.backends.get(backend)
        return found.label if found else backend

    def _figures(self, rows: Sequence[Spending], *, balances: bool) -> str:
        today = [row for row in rows if row.day == day()]
        figures = {
            "Today (UTC)": dollars(total(today, lambda row: row.spent)),
            f"Last {DAYS} days": dollars(total(rows, lambda row: row.spent)),
            "On its way": dollars(total(rows, lambda row: row.reserved)),
            "May have been charged": dollars(total(rows, lambda row: row.maybe)),
        }
        everybody_usd, owner_usd = self.studio.day_budgets()
        if everybody_usd is not None:
            figures["Budget of the day"] = f"${everybody_usd:.2f}"
        if owner_usd is not None:
            figures["Your budget of the day"] = f"${owner_usd:.2f}"
        for backend in self.studio.backends.values() if balances else ():
            if isinstance(backend, Priced) and backend.balance_usd is not None:
                figures[f"Left at {backend.label}"] = f"${backend.balance_usd:.2f}"
        drawn = (f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in figures.items())
        return f'<h2>Spending</h2><dl class="figures">{"".join(drawn)}</dl>'


def chart(rows: Sequence[Spending]) -> str:
    """Draw a bar for each of the last days; its parts are the backends."""
    if not rows:
        return '<p class="note">Nothing was spent. Sandboxes are free.</p>'
    days = [day(ago) for ago in reversed(range(DAYS))]
    names = sorted({row.backend for row in rows})
    sums = {one: [row for row in rows if row.day == one] for one in days}
    most = max(total(found) for found in sums.values()) or 1
    bars = "".join(_bar(one, sums[one], names, most) for one in days)
    keys = "".join(f'<li class="part{n}">{escape(name)}</li>' for n, name in enumerate(names))
    return (
        f'<figure class="chart"><figcaption>Dollars a day; the highest bar is {dollars(most)}'
        f'</figcaption><div class="bars">{bars}</div>'
        f'<p class="axis"><span>{days[0]}</span><span>{days[-1]}</span></p>'
        f'<ul class="keys">{keys}</ul></figure>'
    )


def _bar(one: str, rows: Sequence[Spending], names: Sequence[str], most: int) -> str:
    amounts = [total([row for row in rows if row.backend == name]) for name in names]
    said = f"{one}: {dollars(sum(amounts))}"
    parts = "".join(
        f'<i class="part{n}" style="height:{100 * amount / most:.2f}%"></i>'
        for n, amount in enumerate(amounts)
        if amount
    )
    return f'<span class="day" role="img" title="{said}" aria-label="{said}">{parts}</span>'


def _table(title: str, rows: Sequence[Spending], key: Callable[[Spending], str]) -> str:
    if not rows:
        return ""
    groups: dict[str, list[Spending]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    lines = "".join(_cells("td", _amounts(name, found)) for name, found in groups.items())
    head = _cells("th", [title[3:].capitalize(), "Images", "Spent", "Maybe", "On its way"])
    return (
        f'<section><h3>{title}, last {DAYS} days</h3><div class="wide"><table><thead>{head}'
        f"</thead><tbody>{lines}</tbody></table></div></section>"
    )


def _amounts(name: str, rows: Sequence[Spending]) -> list[str]:
    return [
        name,
        str(sum(row.pictures for row in rows)),
        dollars(total(rows, lambda row: row.spent)),
        dollars(total(rows, lambda row: row.maybe)),
        dollars(total(rows, lambda row: row.reserved)),
    ]


def _cells(kind: str, texts: Sequence[Any]) -> str:
    return "<tr>" + "".join(f"<{kind}>{escape(str(text))}</{kind}>" for text in texts) + "</tr>"


def _named(owner: str) -> str:
    kind, _, name = owner.partition(":")
    if kind == "user":
        return name
    return "this machine" if kind == "local" else f"{kind} {name[:8]}"
