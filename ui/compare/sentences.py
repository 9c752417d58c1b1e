"""Every sentence and label of the Compare tab, as pure functions of what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.money import dollars, micros
from core.sets.styles import StylesFile
from core.words import say
from ui import messages

MANY = 200
"""A set of more images needs the number typed in."""
MOST_LINES = 12
"""Lines of a file that are named one by one."""


def run_label(count: int, price_usd: float | None, *, more: bool = False) -> str:
    """Label the button with what a run makes and costs; `more` is whether a set is extended."""
    if more and not count:
        return say("compare-save")
    if more:
        return say("compare-more-label", counted=f"{count:,}", price=price(price_usd))
    return say("compare-run-label", count=count, counted=f"{count:,}", price=price(price_usd))


def price(usd: float | None) -> str:
    """Write a price as on the buttons."""
    return messages.price(usd)


def tag(*, sandbox: bool, own: bool) -> str:
    """Say in a word what a target is besides a service."""
    return say("compare-your-key") if own else say("compare-sandbox") if sandbox else ""


def images(count: int) -> str:
    """Count images."""
    return say("compare-images", count=count, counted=f"{count:,}")


def values(count: int) -> str:
    """Count the values of an axis."""
    return say("compare-values", count=count, counted=f"{count:,}")


def shape(columns: int, rows: int, pages: int, seconds: float | None) -> str:
    """Say how large a table is, and how long it takes where that is known."""
    sides = [columns, rows] + ([pages] if pages > 1 else [])
    size = " × ".join(map(str, sides))
    if seconds is None:
        return size
    return say("compare-size-time", size=size, duration=messages.seconds(seconds))


def left_today(usd: float | None) -> str:
    """Say what is left of a budget."""
    return "" if usd is None else say("compare-left", left=dollars(micros(usd)))


def type_it(count: int) -> str:
    """Ask for the number of a large set."""
    return say("compare-type", images=images(count), count=count)


def not_typed(count: int) -> str:
    """Say that the number of a large set was not typed."""
    return say("compare-not-typed", images=images(count))


def head(seconds: Sequence[float], prices: Sequence[float | None]) -> str:
    """Say below a heading what an image of a column took and cost on average."""
    if not seconds:
        return ""
    mean = messages.seconds(sum(seconds) / len(seconds))
    if None in prices:
        return say("compare-mean-unknown", duration=mean)
    return f"{mean} · {price(round(sum(one or 0.0 for one in prices) / len(prices), 6))}"


def total(done: int, count: int, spent_usd: float | None, seconds: float | None) -> str:
    """Say how far a set is, what it cost so far, and how long it took."""
    parts = [say("compare-total", done=done, count=count), price(spent_usd)]
    return " · ".join(parts + ([messages.seconds(seconds)] if seconds is not None else []))


def retry_failed(count: int, price_usd: float | None) -> str:
    """Label the button that makes anew whatever failed."""
    return say("compare-retry", count=count, price=price(price_usd))


def ask_retry(count: int, price_usd: float | None) -> Mapping[str, object]:
    """Ask before several images are made anew."""
    return {
        "title": say("compare-retry-title", images=images(count)),
        "text": say("compare-retry-text", price=price(price_usd)),
        "yes": retry_failed(count, price_usd),
        "no": say("not-now"),
    }


def ask_set(count: int, price_usd: float | None, names: Sequence[str]) -> tuple[str, str]:
    """Return title and text of the question before a dear set."""
    unknown = "" if price_usd is not None else say("compare-ask-unknown")
    made_by = say("compare-ask-text", names=messages.listed(names))
    title = say("compare-ask-title", images=images(count))
    return title, messages.joined([made_by, unknown])


def interval(low: float, high: float) -> str:
    """Write a 95 % interval of a share."""
    return f"{100 * low:.0f}–{100 * high:.0f} %"


def styles(found: StylesFile) -> list[str]:
    """Say what came of a file of styles: how many, what was left out, and which lines gave none."""
    dropped = sum(bool(style.dropped) for style in found.styles)
    lines = [said for _, said in found.errors[:MOST_LINES]]
    more = len(found.errors) - len(lines)
    return [
        say("styles-added", count=len(found.styles)),
        *([say("styles-negative", count=dropped)] if dropped else []),
        *lines,
        *([say("styles-more-lines", count=more)] if more else []),
    ]


def line_error(more: int) -> str:
    """Say that more lines are wrong than are listed."""
    return say("compare-more-lines", count=more)


def ready(finished: int, count: int, active: int, *, paused: bool) -> str:
    """Say in a list how a set stands."""
    if active:
        key = "compare-ready-paused" if paused else "compare-ready-running"
        return say(key, finished=finished, count=count)
    if finished == count:
        return images(count)
    return say("compare-ready", finished=finished, count=count)
