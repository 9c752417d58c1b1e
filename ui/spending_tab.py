"""The Spending tab: what was spent, by day, backend and owner, and what is left to spend."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import gradio as gr

from core.backend import Priced
from core.caller import Caller
from core.jobs.spending import Spending, day, total
from core.money import dollars, micros
from core.studio import Studio
from core.words import say
from ui import markup, messages
from ui.generate.session import FREE
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
        with gr.Tab(say("tab-spending"), id="spending", render_children=True) as item:
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
            tables.append(_table("owner", rows, lambda row: _named(row.owner)))
        own, left = await self._own(caller.owner)
        return markup.render(
            "spending",
            days=DAYS,
            figures=self._figures(rows, balances=caller.admin),
            chart=chart(rows, messages.labels(self.studio.backends)),
            tables=tables,
            own=own,
            left=left,
        )

    async def _own(self, owner: str) -> tuple[Table, list[str]]:
        """What the owner spent with keys of their own, which is nobody else's business."""
        rows = await self.studio.spending(days=DAYS, owner=owner, own=True)
        backends = self.studio.own_backends(owner).values()
        told = {one.label: one.balance_usd for one in backends if isinstance(one, Priced)}
        left = [
            say("spending-left", backend=label, balance=messages.price_of(usd))
            for label, usd in told.items()
            if usd is not None
        ]
        return self._by_backend(rows), left

    def _by_backend(self, rows: Sequence[Spending]) -> Table:
        return _table("backend", rows, lambda row: self._label(row.backend))

    def _label(self, backend: str) -> str:
        return messages.labels(self.studio.backends).get(backend, backend)

    def _figures(self, rows: Sequence[Spending], *, balances: bool) -> dict[str, str]:
        today = [row for row in rows if row.day == day()]
        figures = {
            say("spending-today"): dollars(total(today, lambda row: row.spent)),
            say("spending-days", days=DAYS): dollars(total(rows, lambda row: row.spent)),
            say("spending-reserved"): dollars(total(rows, lambda row: row.reserved)),
            say("spending-maybe"): dollars(total(rows, lambda row: row.maybe)),
        }
        if unpriced := sum(row.unpriced for row in rows):
            figures[say("spending-unpriced")] = say("images-counted", count=unpriced)
        everybody_usd, owner_usd = self.studio.day_budgets()
        if everybody_usd is not None:
            figures[say("spending-budget")] = dollars(micros(everybody_usd))
        if owner_usd is not None:
            figures[say("spending-own-budget")] = dollars(micros(owner_usd))
        for backend in self.studio.backends.values() if balances else ():
            if isinstance(backend, Priced) and backend.balance_usd is not None:
                figures[say("spending-left-at", backend=backend.label)] = dollars(
                    micros(backend.balance_usd)
                )
        return figures


def chart(
    rows: Sequence[Spending], labels: Mapping[str, str] = MappingProxyType({})
) -> Chart | None:
    """Return a bar for each of the last days, if anything was spent in them.

    `labels` are those of backends by id.
    """
    if not rows:
        return None
    days = [day(ago) for ago in reversed(range(DAYS))]
    names = sorted({row.backend for row in rows})
    sums = {one: [row for row in rows if row.day == one] for one in days}
    most = max(total(found) for found in sums.values()) or 1
    bars = [_bar(one, sums[one], names, most) for one in days]
    return Chart(dollars(most), bars, [labels.get(name, name) for name in names])


def _bar(one: str, rows: Sequence[Spending], names: Sequence[str], most: int) -> Bar:
    amounts = [total([row for row in rows if row.backend == name]) for name in names]
    parts = [(n, 100 * amount / most) for n, amount in enumerate(amounts) if amount]
    return Bar(one, f"{one}: {dollars(sum(amounts))}", parts)


def _table(by: str, rows: Sequence[Spending], key: Callable[[Spending], str]) -> Table:
    groups: dict[str, list[Spending]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    told = ("images", "spent", "maybe-short", "reserved")
    head = [say(f"spending-{by}"), *(say(f"spending-{one}") for one in told)]
    lines = [_amounts(name, found) for name, found in groups.items()]
    if any(row.unpriced for row in rows):
        head.append(say("spending-unpriced"))
        for line, found in zip(lines, groups.values(), strict=True):
            line.append(str(sum(row.unpriced for row in found)))
    return Table(say(f"spending-by-{by}", days=DAYS), head, lines)


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
    return say("spending-this-machine") if kind == "local" else f"{kind} {name[:8]}"
