"""Every sentence and label the page shows, as pure functions of what happened."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from core.backend import Backend, Priced, Readiness, Suggesting, usual_price
from core.caller import Caller
from core.errors import PlaygroundError
from core.jobs.job import Action, Job
from core.metadata import Reading
from core.money import dollars, micros
from core.own_keys import Entered
from core.pictures import Picture
from core.studio import Progress

TITLE = "FLUX.1 SRPO Playground"
TAGLINE = "Write a prompt, watch it become an image, keep everything it takes to make it again."
SANDBOX_NOTE = (
    "This is the sandbox: a small painter of landscapes stands in for the service until a key is "
    "set. It is free, and its images are not made by FLUX.1 SRPO."
)
CHIPS = "Prompts it can paint"
EXAMPLES = "painted by the sandbox"
EMPTY_STAGE = "Your image appears here."
EMPTY_HISTORY = "Nothing here yet. Every image you make is kept in this place."
NO_MATCH = "No image matches this search."
CLOSED = "Images that were made can be seen in the history; nothing new is made until then."
SOURCE_GONE = "The image it started from is not kept here; add it again."
GONE = "This image is no longer in the history."
NO_METADATA = "This file does not tell how it was made, so there is nothing to restore."
UNREADABLE_CALLER = "The header X-SRPO-Token holds no token of this playground."
HOW_TO_SAY_WHO = (
    "Copy a token from the Backends tab of the page and send it in the header X-SRPO-Token."
)
SCRIPTS = {
    "browser": "A script that sends this is you: it sees your images and adds to them. Keep it "
    "like a password, and renew it when somebody else may have it; your images stay yours.",
    "local": "Scripts on this machine need no token: they are you. A script on another machine "
    "that sends this token has images of its own.",
    "user": "Scripts sign in as you do, with your user name and password.",
    "account": "A script that sends your token is you. Make one and copy it: it is shown once.",
    "issued": "Your scripts send the token you made; it is not shown again. Renew it when you no "
    "longer have it, or when somebody else may; the old one then opens nothing.",
    "once": "Copy it now: it is not shown again. A script that sends it is you, so keep it like a "
    "password. An earlier token opens nothing any more.",
    "stranger": "Reload the page to get a token.",
}
"""Who scripts are, by the kind of owner."""
SIGN_IN = (
    "Sign in to make images. After five wrong passwords the next try has to wait, at first half a "
    "minute, then longer."
)
FOR_MCP_CLIENTS = (
    "This address is for MCP clients. The Backends tab of the page shows what to put into their "
    "settings.\n"
)
SIGN_OUT_HERE = "Nobody was signed out. Follow this link if you want to:"
SIGN_OUT = "Sign out"
NOT_UNDERSTOOD = "This request cannot be understood: see the API's description on the page."
NO_LOGIN_FORM = "This is not a form with a user name and a password."
OWN_KEYS_TITLE = "A key of your own"
OWN_KEYS = (
    "Enter a key of your own, and the service makes your images with it, at its price, on your "
    "account. The key stays in this server's memory: it is never written down, it is used for your "
    "jobs only, and it is forgotten after 12 hours without use, when the server restarts, or with "
    "Forget. Whoever runs this server could read it, so enter it only where you trust them."
)
WITH_OWN_KEY = "With your own key"
RENEW = "Renew the token"
ISSUE = "Make a token"
PASTE = "your token"
RENEWED = "The old token opens nothing any more. Put the new one into your scripts."
SIGN_IN_WITH_HUB = "Sign in with Hugging Face"
NOT_SIGNED_IN = "Hugging Face did not sign you in. Nothing was changed; try again in a while."
NO_COOKIE = (
    "Your browser does not keep the cookie that signing in needs, as some do not inside a page "
    "of another site. Open the playground in a tab of its own and sign in there."
)
BACK = "Back to the playground"
OWN_TAB = "Open the playground in a tab of its own"
TAKE, LEAVE = "Take along", "Not now"
NO_OWNER = "This request does not say whose jobs and images it asks for."
FOOTER = (
    "Images are made by an AI model. FLUX.1 [dev] and SRPO weights are for non-commercial use; "
    "hosted services have their own terms."
)


COUNTED = "Runs {run} of {steps} steps."
"""What a strength means in steps; the page fills it in as the sliders move."""
MOST_WORDS = 12
"""Words named in a sentence; the rest is counted."""

ACTIONS: Mapping[Action, str] = {
    "retry": "Retry",
    "again": "Send again",
    "dismiss": "Dismiss",
    "adopt": "It is this one",
    "look": "Look again",
    "fetch": "Fetch again, free",
}


OLD_PAGE = "This page is older than the program it talks to."
RELOAD = "Reload the page and try again."
NOT_ASKED = "This costs {price}, and the page did not ask you about that. Nothing was sent."
CLICK_AGAIN = "Click again; the page will ask."
NO_SUCH_BACKEND = "This tab has no such backend."
CHOOSE_BACKEND = "Choose one from the menu."
NOT_YOURS = "Only whoever runs this playground can resume its queues."


def generate_label(total_usd: float | None) -> str:
    """Label the button with what a click costs."""
    return f"Generate · {price(total_usd)}"


def price(usd: float | None) -> str:
    """Write a price, that there is none, or that nobody knows it."""
    if usd is None:
        return "price not set"
    return dollars(micros(usd)) if usd else "free"


def cost(backend: Backend) -> str:
    """Say what a picture costs with the settings of the form as they are at first."""
    usd = usual_price(backend)
    return f"{price(usd)} an image" if usd else price(usd)


def backend_name(backend: Backend, *, own: bool = False, closed: bool = False) -> str:
    """Name a backend for a menu.

    `own` is whether it is reached with the visitor's own key, `closed` whether it takes nothing
    from others here.
    """
    if own:
        return f"{backend.label} · your key"
    if closed:
        return f"{backend.label} · closed"
    if backend.sandbox:
        return f"{backend.label} · sandbox"
    return backend.label if not backend.problem() else f"{backend.label} · not ready"


def about(backend: Backend, *, own: bool = False) -> str:
    """Say what must be known of a backend before it is used; "" where nothing must."""
    if own:
        return f"It works with your own key: images are charged to your account at {backend.label}."
    if problem := backend.problem():
        return problem
    if backend.sandbox:
        return SANDBOX_NOTE
    return backend.note if isinstance(backend, Suggesting) else ""


def sandbox(backend: Backend) -> str:
    """Say what a sandbox is and how the real service takes its place."""
    name = backend.key_setting
    return f"{SANDBOX_NOTE} Set {name}, or enter a key of your own below, to use the real service."


def stage(readiness: Readiness) -> str:
    """Name in one or two words how far a backend with a model is."""
    if readiness.stage == "loading" and readiness.fraction is not None:
        return f"Loading · {100 * readiness.fraction:.0f} %"
    return "Licence not accepted" if readiness.stage == "licence" else readiness.stage.capitalize()


def state(progress: Progress) -> str:
    """Say in a few words what a job is doing."""
    if progress.needs_key:
        return "Needs your key · enter the same key again on the Backends tab"
    match progress.job.state:
        case "waiting":
            return _waiting(progress)
        case "sending" if progress.job.error:
            return "The answer was lost; looking for it in the service's list"
        case "sending":
            return "Sending"
        case "running" if progress.job.error:
            return "Still pending · " + progress.job.error
        case "running" if progress.loading:
            share = "" if progress.fraction is None else f" · {100 * progress.fraction:.0f} %"
            return f"Loading the model{share}"
        case "running" if progress.step and progress.total:
            return f"Generating · step {progress.step} of {progress.total}"
        case "running" if progress.ahead:
            return f"In the service's queue · place {progress.ahead}"
        case "running":
            return "Generating"
        case "finished":
            return "Done"
        case "cancelled":
            return "Cancelled · nothing was spent"
        case "failed":
            return "Failed"
        case "unknown":
            return "Unknown · it may have been charged"
    raise TypeError(f"not a state: {progress.job.state!r}")


def _waiting(progress: Progress) -> str:
    if progress.stop:
        return "Waiting until it is resumed"
    if progress.job.error:
        return f"Waiting · {progress.job.error} {progress.job.advice}"
    return f"Waiting · {progress.ahead} before it" if progress.ahead else "Waiting"


def clock(progress: Progress) -> str:
    """Tell the seconds that passed and, where earlier jobs taught it, how many to expect."""
    passed = seconds(progress.elapsed_s)
    if not progress.job.active or progress.estimate_s is None:
        return passed
    return f"{passed} of about {seconds(progress.estimate_s)}"


def seconds(value: float) -> str:
    """Write a duration for people."""
    if value >= 90:
        return f"{int(value) // 60} min {int(value) % 60} s"
    return f"{value:.1f} s"


def failure(job: Job) -> str:
    """Say what went wrong, what to do, and whether it cost anything."""
    parts = [job.error, job.advice]
    if job.charged == "maybe":
        parts.append("It may have been charged.")
    elif job.charged == "yes":
        parts.append("It was charged.")
    elif job.price_usd != 0:
        parts.append("Nothing was charged.")
    return " ".join(part for part in parts if part)


def trouble(error: PlaygroundError) -> str:
    """Say what an error says, and what to do."""
    return f"{error} {error.advice}".strip()


def cancelled(job: Job) -> str:
    """Tell the truth about a cancel: stopped for nothing, or paid for and on its way."""
    match job.state:
        case "cancelled":
            return "Cancelled. Nothing was spent."
        case "sending":
            return (
                "It is being sent at this moment. If the service takes it, it is paid for and "
                "will land in the history."
            )
        case "running":
            return "Already paid for: it will land in the history."
        case "waiting":
            return "It could not be stopped."
    return "It had ended already."


def stopped(reason: PlaygroundError) -> str:
    """Say why a backend sends nothing for now."""
    return f"Paused, so that not every job fails alike. {trouble(reason)}"


def who_resumes(caller: Caller, admins: Collection[str]) -> str:
    """Say who can resume a queue that stopped; "" if the caller can. Only users learn names."""
    if caller.admin:
        return ""
    if not admins or not caller.owner.startswith("user:"):
        return "Whoever runs this playground can resume it."
    return f"It can be resumed by: {', '.join(sorted(admins))}."


def locked(labels: Sequence[str]) -> str:
    """Tell the operator which backends nobody can use here, and why."""
    return (
        f"Strangers can reach this playground and SRPO_BUDGET_DAY_USD is not set, so nobody can "
        f"use {' and '.join(labels)} here. Set it to what may be spent in a day, or set "
        "SRPO_PUBLIC_SPENDING=1 to let visitors spend your money without a budget."
    )


def summary(progress: Progress) -> str:
    """Describe a finished picture in one line."""
    entry = progress.entry
    if entry is None:
        return GONE
    parts = [
        f"{entry.width} × {entry.height}",
        f"seed {entry.seed}",
        seconds(entry.elapsed_s),
        price(entry.price_usd),
        "sandbox" if entry.sandbox else entry.backend,
    ]
    if entry.flagged:
        parts.append("flagged by the service's safety check")
    return " · ".join(parts)


def remarks(sent: Mapping[str, Any]) -> list[str]:
    """Say what of a prompt is not in its picture, as far as its backend told."""
    found = []
    if isinstance(without := sent.get("painted_without"), list) and without:
        rest = len(without) - MOST_WORDS
        more = f" and {rest} more" if rest > 0 else ""
        found.append(f"Painted without: {', '.join(map(str, without[:MOST_WORDS]))}{more}.")
    if until := sent.get("prompt_read_until"):
        found.append(f"The model read the prompt up to “{until}”.")
    return found


def fact(name: str, value: Any) -> str:
    """Write a fact of an entry for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return (" × " if name.endswith("size") else ", ").join(map(str, value))
    return str(value)


def label(name: str) -> str:
    """Label a fact of an entry."""
    known = {
        "price_usd": "Price",
        "elapsed_s": "Time",
        "request_id": "Request id",
        "created_at": "Made at",
        "sent": "What was really sent",
        "prompt_read_until": "Read up to",
        "painted_size": "Painted at",
        "painted_without": "Without",
    }
    return known.get(name, name.replace("_", " ").capitalize())


def picture(given: Picture) -> str:
    """Describe a picture to start from: its size and what was changed."""
    size = f"{given.width} × {given.height}. The result follows this size."
    return " ".join([size, *given.notes])


def sign_out(name: str) -> str:
    """Label the button that signs a user out."""
    return f"Sign out ({name})" if name else "Sign out"


def take_along(images: int, under_way: int) -> str:
    """Ask whether what a browser made before becomes the user's who signed in on it."""
    made = f"made {images} image{'s' if images > 1 else ''}" if images else ""
    open_jobs = f"has {under_way} job{'s' if under_way > 1 else ''} under way" if under_way else ""
    both = " and ".join(filter(None, (made, open_jobs)))
    what = "it" if images + under_way == 1 else "them"
    return f"Before you signed in, this browser {both}. Take {what} along?"


def unknown_host(host: str) -> str:
    """Say that a server does not answer to a Host, and how it is made to."""
    shown = "".join(sign for sign in host[:100] if sign.isascii() and sign.isprintable())
    return (
        f"This server does not answer to the name “{shown}”. Whoever runs it can allow the name "
        "with the setting SRPO_HOSTS.\n"
    )


def too_many_files(most: int) -> str:
    """Say how many files one upload may have."""
    return f"At most {most} files are taken at once. Upload fewer and try again."


def too_many_uploads(files: int, megabytes: int, wait_s: float) -> str:
    """Say what may be uploaded, and when there is room again."""
    limit = f"At most {files} files and {megabytes} MB can be uploaded in an hour here."
    if wait_s == float("inf"):
        return f"{limit} This one is larger than that."
    return f"{limit} The next upload is possible in {math.ceil(wait_s / 60)} minutes."


def too_many_tries(seconds: int) -> str:
    """Say when a person may try to sign in again."""
    wait = f"{seconds} seconds" if seconds < 120 else f"{seconds // 60} minutes"
    return f"Too many wrong passwords. Try again in {wait}."


def too_few_values(wanted: int, came: int) -> str:
    """Say that a call of the API lacks values."""
    return f"Values are missing: {came} of {wanted} came."


def restored(reading: Reading) -> str:
    """Say whose settings were read from a file."""
    if reading.record:
        return "The settings of this image are in the form."
    return f"Settings written by {reading.source} are in the form, as far as they apply here."


def entered(result: Entered) -> str:
    """Say what became of a key that was entered."""
    if result.unsure:
        parts = [f"The key is in use. {result.unsure}"]
    elif result.balance_usd is None:
        parts = ["This key works."]
    else:
        parts = [f"This key works, {left(result.balance_usd)}."]
    if result.resumed:
        parts.append(f"{_images(result.resumed)} that needed it {_verb(result.resumed)} on.")
    if result.others:
        needs = "needs" if result.others == 1 else "need"
        parts.append(
            f"{_images(result.others)} still {needs} the key that was used before: enter that one "
            "to get them."
        )
    return " ".join(parts)


def left(balance_usd: float) -> str:
    """Say what an account has left."""
    return f"${balance_usd:.2f} left"


def own_key(backend: Backend) -> str:
    """Say that a visitor's own key is in use."""
    balance = backend.balance_usd if isinstance(backend, Priced) else None
    return "Your key is in use" + (f", {left(balance)}." if balance is not None else ".")


def forgotten(ending: int) -> str:
    """Say that a key is gone, and which jobs end with it first."""
    if not ending:
        return "Your key is forgotten."
    verb = "is" if ending == 1 else "are"
    return (
        f"Your key is forgotten as soon as {_images(ending)} that {verb} being made with it "
        f"{verb} here. Nothing new is sent with it."
    )


def _images(number: int) -> str:
    return f"{number} image{'' if number == 1 else 's'}"


def _verb(number: int) -> str:
    return "goes" if number == 1 else "go"
