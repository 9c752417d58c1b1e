"""Sentences and labels of the page that depend on what happened, as pure functions of it.

The wording of each is in the catalogue; see `core.words` for how to add one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from core.backend import Backend, Loadable, Priced, Readiness, Suggesting, usual_price
from core.caller import Caller
from core.errors import PlaygroundError
from core.history import Entry
from core.jobs.job import Job
from core.metadata import Reading
from core.money import dollars, micros
from core.own_keys import Entered
from core.params import Task
from core.pictures import Picture
from core.studio import Progress
from core.words import has, keys, say, told, variables

MOST_WORDS = 12
"""Words named in a sentence; the rest is counted."""


def joined(sentences: Iterable[str]) -> str:
    """Put sentences one after the other, as the language does it."""
    return say("sentence-break").join(one for one in sentences if one)


def listed(words: Iterable[str]) -> str:
    """List words, as the language does it."""
    return say("list-break").join(words)


def task(name: str) -> str:
    """Name a task; one that is none of ours as it calls itself."""
    return say(f"tab-{name}") if has(f"tab-{name}") else name


def script_texts() -> Mapping[str, object]:
    """Return what the page's scripts say of themselves."""
    return {
        "said": {
            key: say(key, **{name: "{" + name + "}" for name in variables(key)})
            for key in keys("script")
        },
        "no": say("not-now"),
        "copy": say("copy"),
        "copied": say("copied"),
        "gallery": gallery(),
        "withdraw": {
            "title": say("withdraw-title"),
            "text": say("withdraw-text"),
            "yes": say("image-withdraw"),
            "no": say("not-now"),
            "stern": True,
        },
        "file": {
            "title": say("file-title"),
            "source": say("file-source"),
            "read": say("file-read"),
            "no": say("cancel"),
        },
    }


def gallery() -> Mapping[str, str]:
    """Return what the scripts of the History tab say, by keys without their first word.

    A value stands as {name}; a sentence about one thing has a key of its own, which ends in -one.
    """
    found: dict[str, str] = {}
    for key in keys("gallery"):
        values = {name: "{" + name + "}" for name in variables(key)}
        name = key.removeprefix("gallery-")
        found[name] = say(key, **values)
        if "count" in values and (one := say(key, **values | {"count": 1})) != found[name]:
            found[f"{name}-one"] = one
    return found


def background(indexing: tuple[int, int] | None, left: int, *, sums: bool) -> str:
    """Say what is still done to older images in the background; "" where there is nothing.

    `indexing` is how many of how many are found by all that is asked of them, `left` how many have
    no colours yet. Without `sums` nobody learns how many images everybody has.
    """
    told = []
    if indexing:
        done, total = indexing
        share = f"{100 * done // max(total, 1)}"
        told.append(
            say("history-preparing", done=f"{done:,}", total=f"{total:,}")
            if sums
            else say("history-preparing-share", share=share)
        )
    if left:
        told.append(
            say("history-describing", count=left, images=f"{left:,}")
            if sums
            else say("history-describing-some")
        )
    return " · ".join(told)


def generate_label(total_usd: float | None, lent_s: float | None = None, *, count: int = 1) -> str:
    """Label the button with what a click makes and costs: dollars, or a visitor's GPU seconds."""
    if lent_s is not None and total_usd == 0:
        return say("generate-label-lent", count=count, seconds=f"{lent_s:.0f}")
    return say("generate-label", count=count, price=price(total_usd))


def no_such(what: str, name: str, known: Sequence[str]) -> str:
    """Say that a link names a task or a backend that is not here."""
    return say(f"link-unknown-{what}", name=name[:40], known=listed(known))


def linked(wrong: Sequence[str]) -> str:
    """Say that a link filled the form, and what of it could not be used."""
    if not wrong:
        return say("link-filled")
    return say("link-filled-in-part", wrong=joined(map(told, wrong)))


def price(usd: float | None) -> str:
    """Write a price, that there is none, or that nobody knows it."""
    if usd is None:
        return say("price-unknown")
    return dollars(micros(usd)) if usd else say("price-free")


def price_of(usd: float) -> str:
    """Write an amount that is known, nothing included."""
    return dollars(micros(usd))


def ask_title(count: int) -> str:
    """Ask whether images are to be made."""
    return say("ask-title", count=count)


def ask_text(label: str, *, known: bool, least: int | None = None) -> str:
    """Say who charges for a click, and that its source image is small where it is."""
    charges = say("ask-text", backend=label) if known else say("ask-text-unknown", backend=label)
    return joined([small_source(label, least) if least else "", charges])


def ask_yes(count: int, total_usd: float | None) -> str:
    """Label the button that agrees to a price."""
    if total_usd is None:
        return say("ask-yes", count=count)
    return say("ask-yes-price", count=count, price=price(total_usd))


def ask_cancel(count: int) -> str:
    """Ask whether several jobs are to be cancelled."""
    return say("cancel-title", count=count)


def ask_cancel_yes(count: int) -> str:
    """Label the button that cancels several jobs."""
    return say("cancel-yes", count=count)


def cancel_costs(free: int, begun: int) -> str:
    """Say what a cancel saves: `free` of them cost nothing then, `begun` are paid for already."""
    if not begun:
        return say("cancel-nothing-spent")
    paid = say("cancel-begun", count=begun)
    return joined([say("cancel-free", count=free) if free else "", paid])


def cost(backend: Backend) -> str:
    """Say what an image costs with the settings of the form as they are at first."""
    usd = usual_price(backend)
    return say("backend-price-each", price=price(usd)) if usd else price(usd)


def labels(backends: Mapping[str, Backend]) -> Mapping[str, str]:
    """Return how backends are called on the page, by id."""
    return {name: backend.label for name, backend in backends.items()}


def backend_name(backend: Backend, *, own: bool = False, closed: bool = False) -> str:
    """Name a backend for a menu.

    `own` is whether it is reached with the visitor's own key, `closed` whether it takes nothing
    from others here.
    """
    if own:
        return say("backend-own", backend=backend.label)
    if closed:
        return say("backend-closed", backend=backend.label)
    if backend.sandbox:
        return say("backend-sandbox", backend=backend.label)
    if backend.problem():
        return say("backend-not-ready", backend=backend.label)
    return backend.label


def about(backend: Backend, *, own: bool = False) -> str:
    """Say what must be known of a backend before it is used; "" where nothing must."""
    if own:
        return say("backend-about-own", backend=backend.label)
    if problem := backend.problem():
        return told(problem)
    if isinstance(backend, Loadable) and backend.readiness().stage in ("loading", "warming"):
        return say("backend-about-loading", stage=stage(backend.readiness()))
    if backend.sandbox:
        return say("image-sandbox-note")
    return told(backend.note) if isinstance(backend, Suggesting) else ""


def sandbox(backend: Backend) -> str:
    """Say what a sandbox is and how the real service takes its place."""
    return say("backend-about-sandbox", setting=backend.key_setting)


def stage(readiness: Readiness) -> str:
    """Name in one or two words how far a backend with a model is."""
    if readiness.stage == "loading" and readiness.fraction is not None:
        return say("stage-loading-share", percent=f"{100 * readiness.fraction:.0f}")
    return say(f"stage-{readiness.stage.replace(' ', '-')}")


def tasks(names: Iterable[Task]) -> str:
    """Name what a backend can do."""
    found = [*names]
    return say("backend-tasks-both") if len(found) > 1 else listed(map(task, found))


def state(progress: Progress) -> str:
    """Say in a few words what a job is doing."""
    if progress.needs_key:
        return say("job-needs-key")
    match progress.job.state:
        case "waiting":
            return _waiting(progress)
        case "sending" if progress.job.error:
            return say("job-lost")
        case "sending":
            return say("job-sending")
        case "running" if progress.job.error:
            return say("job-pending", reason=told(progress.job.error))
        case "running" if progress.loading:
            if progress.fraction is None:
                return say("job-loading")
            return say("job-loading-share", percent=f"{100 * progress.fraction:.0f}")
        case "running" if progress.borrowing:
            return say("job-borrowing")
        case "running" if progress.step and progress.total:
            return say("job-step", step=progress.step, total=progress.total)
        case "running" if progress.ahead:
            return say("job-ahead", place=progress.ahead)
        case "running":
            return say("job-generating")
        case "finished":
            return say("job-done")
        case "cancelled":
            return say("job-cancelled")
        case "failed":
            return say("job-failed")
        case "unknown":
            return say("job-unknown")
    raise TypeError(f"not a state: {progress.job.state!r}")


def stood(state: str) -> str:
    """Name the state of a job in the page of a set, which does not change any more."""
    return say(f"set-state-{state}") if has(f"set-state-{state}") else state


def tile(progress: Progress) -> str:
    """Say in a word or two how a job in the filmstrip stands: seconds left, or its place."""
    match progress.job.state:
        case "waiting" if progress.stop or progress.needs_key:
            return say("tile-paused")
        case "waiting":
            if progress.ahead is None:
                return say("tile-queued")
            return say("tile-queued-at", place=progress.ahead + 1)
        case "failed":
            return say("tile-failed")
        case "unknown":
            return say("tile-doubt")
    if progress.needs_key:
        return say("tile-paused")
    left = None if progress.estimate_s is None else progress.estimate_s - progress.elapsed_s
    return seconds(progress.elapsed_s if left is None or left < 0 else left)


def counted(running: int, waiting: int) -> str:
    """Count what is on its way."""
    parts = [say("queue-running", count=running)] if running else []
    parts += [say("queue-waiting", count=waiting)] if waiting else []
    return listed(parts) or say("queue")


def show(entry: Entry) -> str:
    """Name the button that shows an image of the filmstrip."""
    words = entry.prompt if len(entry.prompt) <= 60 else entry.prompt[:59].rstrip() + "…"
    if entry.starred:
        return say("image-named-starred", prompt=words, seed=entry.seed)
    return say("image-named", prompt=words, seed=entry.seed)


def today(spent_usd: float, budget_usd: float | None) -> str:
    """Say what was spent today, and of how much; "" where there is nothing to tell."""
    spent = f"${spent_usd:.2f}"
    if budget_usd is not None:
        return say("today-spent-of", spent=spent, budget=f"${budget_usd:.2f}")
    return say("today-spent", spent=spent) if spent_usd else ""


def each(estimate_s: float | None) -> str:
    """Say how long an image will take, where earlier ones taught it."""
    return "" if estimate_s is None else say("generate-each", duration=seconds(estimate_s))


def _waiting(progress: Progress) -> str:
    if progress.stop:
        return say("job-stopped")
    if progress.job.error:
        reason = joined([told(progress.job.error), told(progress.job.advice)])
        return say("job-waiting-because", reason=reason)
    if progress.ahead:
        return say("job-waiting-behind", ahead=progress.ahead)
    return say("job-waiting")


def clock(progress: Progress) -> str:
    """Tell the seconds that passed and, where earlier jobs taught it, how many to expect.

    "" for a job that waits: what has not begun has no clock.
    """
    if progress.job.state == "waiting":
        return ""
    passed = seconds(progress.elapsed_s)
    if progress.late:
        return say("clock-late", passed=passed)
    if not progress.job.active or progress.estimate_s is None:
        return passed
    return say("clock-of", passed=passed, expected=seconds(progress.estimate_s))


def seconds(value: float) -> str:
    """Write a duration for people."""
    if value >= 90:
        return say("duration-minutes", minutes=int(value) // 60, seconds=int(value) % 60)
    return say("duration-seconds", seconds=f"{value:.1f}")


def failure(job: Job) -> str:
    """Say what went wrong, what to do, and whether it cost anything."""
    parts = [told(job.error), told(job.advice)]
    if job.charged == "maybe":
        known_already = "may have been charged" in f"{job.error} {job.advice}".lower()
        parts += [] if known_already else [say("maybe-charged")]
    elif job.charged == "yes":
        parts.append(say("was-charged"))
    elif job.price_usd != 0:
        parts.append(say("not-charged"))
    return joined(parts)


def trouble(error: PlaygroundError) -> str:
    """Say what an error says, and what to do."""
    return joined([told(str(error)), told(error.advice)])


def cancelled_all(jobs: Sequence[Job]) -> str:
    """Tell the truth about a cancel of several jobs: what each group of them costs."""
    if len(jobs) == 1:
        return cancelled(jobs[0])
    counts = Counter(job.state for job in jobs)
    ended = len(jobs) - sum(
        counts[state] for state in ("cancelled", "running", "sending", "waiting")
    )
    parts = [_cancelled(counts["cancelled"], of=len(jobs))]
    if paid := counts["running"]:
        parts.append(say("cancelled-paid", count=paid))
    if sent := counts["sending"]:
        parts.append(say("cancelled-sending", count=sent))
    if left := counts["waiting"]:
        parts.append(say("cancelled-not", count=left))
    if ended:
        parts.append(say("cancelled-ended", count=ended))
    return joined(parts) or say("cancelled-nothing")


def _cancelled(count: int, *, of: int) -> str:
    if not count:
        return ""
    return say("cancelled-all", count=count) if count == of else say("cancelled-some", count=count)


def cancelled(job: Job) -> str:
    """Tell the truth about a cancel: stopped for nothing, or paid for and on its way."""
    match job.state:
        case "cancelled":
            return say("cancelled-one")
        case "sending":
            return say("cancelled-one-sending")
        case "running":
            return say("cancelled-one-paid")
        case "waiting":
            return say("cancelled-one-not")
    return say("cancelled-one-ended")


def stopped(reason: PlaygroundError) -> str:
    """Say why a backend sends nothing for now."""
    return say("queue-stopped", reason=trouble(reason))


def who_resumes(caller: Caller, admins: Collection[str]) -> str:
    """Say who can resume a queue that stopped; "" if the caller can. Only users learn names."""
    if caller.admin:
        return ""
    if not admins or not caller.owner.startswith("user:"):
        return say("resumed-by-operator")
    return say("resumed-by", names=listed(sorted(admins)))


def locked(labels: Sequence[str]) -> str:
    """Tell the operator which backends nobody can use here, and why."""
    return say("backends-locked", backends=say("list-and").join(labels))


def summary(progress: Progress, labels: Mapping[str, str]) -> str:
    """Describe a finished image in one line; `labels` are those of backends by id."""
    entry = progress.entry
    if entry is None:
        return say("image-gone")
    parts = [
        f"{entry.width} × {entry.height}",
        say("image-seed", seed=entry.seed),
        seconds(entry.elapsed_s),
        price(entry.price_usd),
        say("image-sandbox") if entry.sandbox else labels.get(entry.backend, entry.backend),
    ]
    if entry.flagged:
        parts.append(say("image-flagged-fact"))
    return " · ".join(parts)


def remarks(sent: Mapping[str, Any]) -> list[str]:
    """Say what of a prompt is not in its image, as far as its backend told."""
    found = []
    if factor := sent.get("factor"):
        found.append(say("image-resampled", factor=str(factor)))
    if isinstance(without := sent.get("painted_without"), list) and without:
        rest = len(without) - MOST_WORDS
        words = listed(map(str, without[:MOST_WORDS]))
        if rest > 0:
            found.append(say("image-without-more", words=words, more=rest))
        else:
            found.append(say("image-without", words=words))
    if until := sent.get("prompt_read_until"):
        found.append(say("image-read-until", words=str(until)))
    return found


def code_source(file: str) -> str:
    """Label the link to the image that programs of the code panel start from."""
    return say("code-source", file=file) if file else ""


def tag(entry: Entry) -> str:
    """Mark a thumbnail with what must be known of its image."""
    marks = [say("image-sandbox")] if entry.sandbox else []
    return " · ".join([*marks, say("image-flagged-tag")] if entry.flagged else marks)


def fact(name: str, value: Any) -> str:
    """Write a fact of an entry for people."""
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    if isinstance(value, list):
        return (" × " if name.endswith("size") else say("list-break")).join(map(str, value))
    return str(value)


def made_by(entry: Entry, labels: Mapping[str, str]) -> str:
    """Name the backend of an entry; `labels` are those of backends by id."""
    name = labels.get(entry.backend, entry.backend)
    return say("backend-sandbox", backend=name) if entry.sandbox else name


def label(name: str) -> str:
    """Label a fact of an entry; what services call their own is shown under their name."""
    key = f"fact-{name.lower().replace('_', '-')}"
    return say(key) if has(key) else name.replace("_", " ").capitalize()


def picture(given: Picture, result: tuple[int, int] | None = None, least: str = "") -> str:
    """Describe an image to start from: its size, what becomes of it, and what was changed.

    `result` is the size of the result where it is known, `least` a warning where it is small.
    """
    parts = [say("source-size", width=given.width, height=given.height)]
    if result == (given.width, given.height):
        parts.append(say("source-kept-size"))
    elif result:
        parts.append(say("source-result", width=result[0], height=result[1]))
    return joined([*parts, least, *map(told, given.notes)])


def small_source(label: str, least: int) -> str:
    """Warn of an image with fewer pixels than a service is made for."""
    return say("source-small", backend=label, least=least)


def sign_out(name: str) -> str:
    """Label the button that signs a user out."""
    return say("sign-out-of", name=name) if name else say("sign-out")


def take_along(images: int, under_way: int) -> str:
    """Ask whether what a browser made before becomes the user's who signed in on it."""
    made = [say("take-images", count=images)] if images else []
    made += [say("take-jobs", count=under_way)] if under_way else []
    return say("take-along", made=say("list-and").join(made), count=images + under_way)


def unknown_host(host: str) -> str:
    """Say that a server does not answer to a Host, and how it is made to."""
    shown = "".join(sign for sign in host[:100] if sign.isascii() and sign.isprintable())
    return say("unknown-host", name=shown) + "\n"


def too_many_files(most: int) -> str:
    """Say how many files one upload may have."""
    return say("too-many-files", most=most)


def too_many_uploads(files: int, megabytes: int, wait_s: float) -> str:
    """Say what may be uploaded, and when there is room again."""
    limit = say("upload-limit", files=files, megabytes=megabytes)
    if wait_s == float("inf"):
        return joined([limit, say("upload-larger")])
    return joined([limit, say("upload-wait", minutes=math.ceil(wait_s / 60))])


def too_many_tries(seconds: int) -> str:
    """Say when a person may try to sign in again."""
    if seconds < 120:
        return say("too-many-tries-seconds", seconds=seconds)
    return say("too-many-tries-minutes", minutes=seconds // 60)


def too_few_values(wanted: int, came: int) -> str:
    """Say that a call of the API lacks values."""
    return say("too-few-values", wanted=wanted, came=came)


def restored(reading: Reading) -> str:
    """Say whose settings were read from a file."""
    if reading.record:
        return say("restore-ours")
    return say("restore-theirs", program=told(reading.source))


def filled(names: Sequence[str]) -> str:
    """Say what was filled into the form."""
    return say("restore-filled", names=listed(names)) if names else say("restore-filled-nothing")


def entered(result: Entered) -> str:
    """Say what became of a key that was entered."""
    if result.unsure:
        parts = [say("own-key-unsure", reason=told(result.unsure))]
    elif result.balance_usd is None:
        parts = [say("own-key-works")]
    else:
        parts = [say("own-key-works-left", balance=price_of(result.balance_usd))]
    if result.resumed:
        parts.append(say("own-key-resumed", count=result.resumed))
    if result.others:
        parts.append(say("own-key-others", count=result.others))
    return joined(parts)


def own_key(backend: Backend) -> str:
    """Say that a visitor's own key is in use."""
    balance = backend.balance_usd if isinstance(backend, Priced) else None
    if balance is None:
        return say("own-key-in-use")
    return say("own-key-in-use-left", balance=price_of(balance))


def forgotten(ending: int) -> str:
    """Say that a key is gone, and which jobs end with it first."""
    return say("own-key-forgotten-later", count=ending) if ending else say("own-key-forgotten")
