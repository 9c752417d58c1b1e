"""The Spending tab: what was spent, by day, backend and owner, and what is left to spend."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import gradio as gr

from core.backend import Priced
from core.caller import Caller
from core.jobs.spending import Spending, day, total
from core.money import dollars
from core.studio import Studio
from ui import markup
from ui.generate.handlers import FREE
from ui.server.owner import caller_of

DAYS = 30


@dataclass(frozen=True, slots=True)
class Bar:
    """A day of the chart: what is said of it, and each backend's number with its height in %."""

    day: str
    said: str
    parts: Sequence[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Chart:
    """A bar for each day; `most` is what the highest stands for, `names` are the backends."""

    most: str
    bars: Sequence[Bar]
    names: Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """Sums by backend or owner; without lines it is not drawn."""

    title: str
    head: Sequence[str]
    lines: Sequence[Sequence[str]]


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
        tables = [self._by_backend(rows)]
        if caller.admin:
            tables.append(_table("By owner", rows, lambda row: _named(row.owner)))
        own, left = await self._own(caller.owner)
        return markup.render(
            "spending",
            days=DAYS,
            figures=self._figures(rows, balances=caller.admin),
            chart=chart(rows),
            tables=tables,
            own=own,
            left=left,
        )

    async def _own(self, owner: str) -> tuple[Table, list[str]]:
        """What the owner spent with keys of their own, which is nobody else's business."""
        rows = await self.studio.spending(days=DAYS, owner=owner, own=True)
        backends = self.studio.own_backends(owner).values()
        told = [one for one in backends if isinstance(one, Priced) and one.balance_usd is not None]
        left = [f"{one.label}: ${one.balance_usd:.2f} left." for one in told]
        return self._by_backend(rows), left

    def _by_backend(self, rows: Sequence[Spending]) -> Table:
        return _table("By backend", rows, lambda row: self._label(row.backend))

    def _label(self, backend: str) -> str:
        found = self.studio.backends.get(backend)
        return found.label if found else backend

    def _figures(self, rows: Sequence[Spending], *, balances: bool) -> dict[str, str]:
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
        return figures


def chart(rows: Sequence[Spending]) -> Chart | None:
    """Return a bar for each of the last days, if anything was spent in them."""
    if not rows:
        return None
    days = [day(ago) for ago in reversed(range(DAYS))]
    names = sorted({row.backend for row in rows})
    sums = {one: [row for row in rows if row.day == one] for one in days}
    most = max(total(found) for found in sums.values()) or 1
    bars = [_bar(one, sums[one], names, most) for one in days]
    return Chart(dollars(most), bars, names)


def _bar(one: str, rows: Sequence[Spending], names: Sequence[str], most: int) -> Bar:
    amounts = [total([row for row in rows if row.backend == name]) for name in names]
    parts = [(n, 100 * amount / most) for n, amount in enumerate(amounts) if amount]
    return Bar(one, f"{one}: {dollars(sum(amounts))}", parts)


def _table(title: str, rows: Sequence[Spending], key: Callable[[Spending], str]) -> Table:
    groups: dict[str, list[Spending]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    head = [title[3:].capitalize(), "Images", "Spent", "Maybe", "On its way"]
    return Table(title, head, [_amounts(name, found) for name, found in groups.items()])


def _amounts(name: str, rows: Sequence[Spending]) -> list[str]:
    return [
        name,
        str(sum(row.pictures for row in rows)),
        dollars(total(rows, lambda row: row.spent)),
        dollars(total(rows, lambda row: row.maybe)),
        dollars(total(rows, lambda row: row.reserved)),
    ]


def _named(owner: str) -> str:
    kind, _, name = owner.partition(":")
    if kind == "user":
        return name
    return "this machine" if kind == "local" else f"{kind} {name[:8]}"
