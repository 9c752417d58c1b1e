"""The table: who comes from where, as whom, and what every endpoint and event may do for them.

An endpoint or event that is not in it fails the tests: somebody has to say what it may show.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

STRANGER, REFUSED = "stranger", "refused"
TOKENS = {name: f"{number:x}" * 32 for number, name in enumerate("ABCDE", start=10)}


@dataclass(frozen=True, slots=True, eq=False)
class Who:
    """A caller: how it comes in, what it brings along, and as whom it has to be taken.

    `page` is whose the page's events are, `api` whose the calls of scripts and assistants are:
    a token's name, `local`, `user:` and a name, a stranger, or nobody who is let in.
    """

    name: str
    door: str
    """The program itself, or the proxy through which the caller comes."""
    page: str
    api: str
    token: str = ""
    """The name of what the browser remembers."""
    script: str = ""
    """The name of the token that is sent as X-SRPO-Token."""
    source: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    sign_in: tuple[str, str] | None = None
    own_key: bool = False
    """It has entered a key of its own: its jobs are paid, so what runs is not cancelled."""


@dataclass(frozen=True, slots=True)
class SetUp:
    """One way of running the program, with everybody who comes to it."""

    name: str
    callers: tuple[Who, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    closed: tuple[str, ...] = ()
    """Ways that Gradio closes there, to everybody."""
    lan: bool = False
    """Whether it needs further addresses on this machine."""


LAN_A, LAN_B, PROXY, HOME = "10.213.7.1", "10.213.7.2", "10.213.7.3", "10.213.7.9"
LOCALHOST = {"Host": "localhost:{port}"}
LOOPBACK = SetUp(
    "loopback, and a proxy on it",
    (
        Who("local", "direct", "local", "local"),
        Who("browser 1 at the machine", "direct", "local", "local", token="A"),
        Who("script with token", "direct", "A", "A", script="A"),
        Who("browser 1", "stock", "B", STRANGER, token="B"),
        Who("browser 2", "forwarding", "C", STRANGER, token="C"),
        Who("script of browser 1", "forwarding", "B", "B", script="B"),
        Who("script without", "stock", STRANGER, STRANGER, headers=LOCALHOST),
        Who(
            "script that says it is local",
            "forwarding",
            STRANGER,
            STRANGER,
            headers={"X-Forwarded-For": "127.0.0.1", "X-SRPO-Caller": "local"},
        ),
    ),
)
LISTEN = SetUp(
    "--listen, and a proxy elsewhere",
    (
        Who("local", "direct", "local", "local"),
        Who("browser 1 on LAN A", "lan", "A", STRANGER, token="A", source=LAN_A),
        Who("browser 2 on LAN B", "lan", "B", STRANGER, token="B", source=LAN_B),
        Who("script with token on LAN A", "lan", "C", "C", script="C", source=LAN_A),
        Who("LAN A", "lan", STRANGER, STRANGER, source=LAN_A, headers=LOCALHOST),
        Who(
            "LAN B",
            "lan",
            STRANGER,
            STRANGER,
            source=LAN_B,
            headers={"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "localhost"},
        ),
        Who("browser 1 through the proxy", "remote", "A", STRANGER, token="A"),
        Who("own-key visitor", "remote", "D", "D", token="D", script="D", own_key=True),
        Who("script without, through the proxy", "remote", STRANGER, STRANGER),
    ),
    settings={"GRADIO_SERVER_NAME": "0.0.0.0", "SRPO_TRUSTED_PROXIES": PROXY},
    lan=True,
)
SPACE = SetUp(
    "Space",
    (
        Who("the container itself", "direct", STRANGER, STRANGER),
        Who("browser 1", "space", "A", STRANGER, token="A"),
        Who("browser 2", "space", "B", STRANGER, token="B"),
        Who("script with token", "space", "C", "C", script="C"),
        Who("script without", "space", STRANGER, STRANGER),
    ),
    settings={"SYSTEM": "spaces", "SPACE_ID": "ann/play", "SPACE_HOST": "ann-play.hf.space"},
    closed=("run",),
)
SIGN_IN = SetUp(
    "SRPO_AUTH",
    (
        Who("user 1", "direct", "user:ann", "user:ann", sign_in=("ann", "one")),
        Who("user 2", "direct", "user:bob", "user:bob", token="A", sign_in=("bob", "two")),
        Who("user 1 elsewhere", "stock", "user:ann", "user:ann", sign_in=("ann", "one")),
        Who(
            "script of user 2 with a token",
            "stock",
            "user:bob",
            "user:bob",
            script="B",
            sign_in=("bob", "two"),
        ),
        Who("local without login", "direct", REFUSED, REFUSED),
        Who("script with token", "stock", REFUSED, REFUSED, script="B"),
    ),
    settings={"SRPO_AUTH": "ann:one,bob:two"},
    closed=("mcp",),
)
SETUPS = (LOOPBACK, LISTEN, SIGN_IN)
"""Those of the checkout; tests/deploy/space walks `SPACE` on the folder that is published."""

Secret = Literal["word", "media", "source", "job", "set"]


@dataclass(frozen=True, slots=True)
class Act:
    """What an endpoint or an event does with somebody's things; nothing of it for anybody else."""

    shows: Secret | None = None
    """What whoever owns the things gets to see of them."""
    each: bool = False
    """It is about one image or job, else about all of them at once."""
    does: tuple[str, ...] = ("",)
    """Its variants, for the event of the queue's buttons."""
    told: tuple[Secret, ...] = ("job",)
    """What the caller has said itself, so that the answer may say it too."""


MAKES = Act(does=("make",))
"""Makes an image: whose it is stands in the ledger."""
MOVES = Act(does=("move",))
"""Changes what the asker itself has, or whose it is; it takes no ids."""
ANYBODY = Act(does=("once",))
"""Answers everybody the same, and shows nothing of anybody: one caller asks for all."""
BUTTONS = (
    *"cancel earlier later hide star redraw".split(),
    *"retry again dismiss adopt look fetch instead".split(),
)
SET_BUTTONS = ("rename", "pause", "pick", "blind", "retry", "cancel", "delete")
ENDPOINTS: Mapping[str, Act] = {
    "text_to_image": MAKES,
    "image_to_image": MAKES,
    "submit": MAKES,
    "job": Act(each=True),
    "jobs": Act("job", told=()),
    "cancel": Act(each=True),
    "history": Act("word", told=()),
    "export": Act(each=True),
    "backends": ANYBODY,
    "submit_set": MAKES,
    "set": Act("set", each=True),
    "sets": Act("set", told=()),
    "star": Act(each=True),
    "delete": Act(each=True),
    "restore": Act(each=True),
    "collect": Act(each=True),
}
EVENTS: Mapping[str, Act] = {
    # a tab that makes images, and its twin
    "generate": MAKES,
    "generate_1": MAKES,
    "agreed": MAKES,
    "agreed_1": MAKES,
    "act": Act(each=True, does=BUTTONS),
    "begin": Act("job"),
    "resume": Act("job"),
    "use_example": ANYBODY,
    "stop": MOVES,
    "use_shown": Act("word", each=True),
    "use_shown_1": Act("source", each=True),
    "send_shown": Act("word", each=True),
    "send_shown_1": Act("word", each=True),
    "renew_shown": Act("source", each=True),
    "words_shown": Act("word", each=True),
    "refine_shown": Act(each=True),
    "switch": ANYBODY,
    "programs": Act(told=("job", "source")),
    "resize": Act(told=("job", "source")),
    "reprice": ANYBODY,
    "collections": Act(),
    "timing": Act(told=("job", "source")),
    "check": Act(told=("job", "source")),
    "lambda": ANYBODY,
    # comparing
    "overview_of": Act("set", told=()),
    "plan_set": Act(),
    "run_set": MAKES,
    "run_agreed": MAKES,
    "show_set": Act("word", each=True, told=("job", "set")),
    "act_on_cell": Act(each=True, does=BUTTONS, told=("job", "set")),
    "alter_set": Act(each=True, does=SET_BUTTONS, told=("job", "set")),
    "links_to": Act(each=True, does=("publish", "unpublish"), told=("job", "set")),
    "differ_row": Act(each=True, told=("job", "set")),
    "fill_form": Act("word", each=True, told=("job", "set")),
    "take_source": Act(each=True, told=("job", "source")),
    "vary_image": Act("word", each=True),
    "take_styles": ANYBODY,
    # the history
    "open": Act(),
    "pick": Act("media", each=True),
    "take_away": Act(),
    "use_all": Act("source", each=True),
    "use_prompt": Act("word", each=True),
    "use_but_seed": Act("source", each=True),
    "send_chosen": Act("word", each=True),
    "look": Act("media", each=True),
    "mark": Act("media", each=True),
    "erase": Act(each=True),
    "publish": Act(each=True),
    "withdraw": Act(each=True),
    "unpublish": Act(each=True),
    "enlarge": Act(each=True),
    "read": Act(each=True, told=("job", "word")),
    "dropped": Act(each=True, told=("job", "word")),
    "restore_chosen": Act("source", each=True, told=("job", "word")),
    "undo": Act(),
    # the page
    "arrive": MOVES,
    "find_prompts": Act("word", told=()),
    "restore_1": Act("source", each=True),  # the endpoint has the plain name
    "rekey": Act(),
    "show": Act(),
    "show_1": Act(),
    "renewed": MOVES,
    "change": MOVES,
    "stand": ANYBODY,
    "load": ANYBODY,
    "go_on": ANYBODY,  # for admins alone, whose queue it is anyway
    # signing in
    "_label": ANYBODY,
    "ask": Act(),
    "take_along": MOVES,
    "not_now": ANYBODY,
}
HANDLERS: Mapping[str, str] = {
    "Api.": "text_to_image image_to_image submit job jobs cancel history export backends",
    "SetApi.": "submit_set set sets",
    "KeepApi.": "star delete restore collect",
    "Handlers.": "generate agreed reprice programs resize timing collections",
    "Session.": "begin resume act stop",
    "Filling.": "switch",
    "HistoryHandlers.": "open pick take_away",
    "PastPrompts.": "find_prompts",
    "Viewer.": "look mark erase publish unpublish withdraw enlarge",
    "CompareHandlers.": "overview_of plan_set run_set run_agreed show_set act_on_cell alter_set "
    "links_to differ_row fill_form take_source vary_image take_styles",
    "Keys.": "change",
    "SpendingTab.": "show",
    "Page.": "arrive check dropped read rekey restore restore_chosen send_chosen send_shown undo "
    "use_all use_but_seed use_example use_prompt use_shown renew_shown words_shown "
    "refine_shown",
    "Page.wire.<locals>.": "<lambda>",
    "build.<locals>.": "show renewed stand load go_on",
    "_offer.<locals>.": "ask take_along not_now",
    "": "_label",
}
"""The functions behind them; events that share one are judged together."""
CHANGING = (*("mark", "erase", "cancel", "stop", "act", "renewed"),)
"""Those that change something: an owner's own are tried last."""
ROUTES: Mapping[str, str] = {
    "/media/{entry}/{part}/{signature}/{name}": "whoever was given the address, and is let in",
    "/take-away/{signature}/images.zip": "whoever was given the address, and is let in",
    "/sets/{set}/{signature}/{name}": "whoever was given the address, and is let in",
    "/exports/{order}/{name}": "whoever was given the address, and is let in",
    "/gallery/{name}": "whoever has a key that the page was given, and is let in",
    "/s/{secret}": "whoever was given the link, without signing in; until it is revoked",
    "/s/{secret}/{entry}/{way}": "whoever was given the link, without signing in",
    "/shared.css": "anybody",
    "/readyz": "anybody",
    "/healthz": "anybody",
}
"""Our own routes beside Gradio's."""


def judged(name: str) -> Act | None:
    """Return what the table says of an event; of several with one handler, what it says of one."""
    return EVENTS.get(name) or EVENTS.get(re.sub(r"_\d+$", "", name))
