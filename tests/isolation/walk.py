"""Walks the table on the running program: everybody asks for everybody's things, by every way.

Two things are judged after every call: what the answer shows of others, and what has become of
everybody's things in the database.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from core import pictures
from tests.end_to_end.program import Playground
from tests.fakes import picture
from tests.isolation.caller import WAYS, Caller, clicked, form
from tests.isolation.table import (
    ANYBODY,
    BUTTONS,
    CHANGING,
    ENDPOINTS,
    EVENTS,
    MAKES,
    MOVES,
    REFUSED,
    STRANGER,
    TOKENS,
    Act,
    Secret,
    SetUp,
    Who,
)

SMALL = {"width": 256, "height": 256, "steps": 1}
numbers = itertools.count(1)


@dataclass(slots=True)
class Things:
    """What one owner has: a finished image made from a photo, its file, and a job that stays."""

    owner: str
    word: str
    """In every prompt of theirs, and nowhere else."""
    photo: bytes
    entry: str = ""
    media: str = ""
    """The address of the image."""
    file: bytes = b""
    note: Any = None
    """What the browser remembers of the photo."""
    job: str = ""

    source: str = ""
    """The name under which the photo is handed out."""
    set: str = ""
    """A set of two images, which its prompt names."""

    def secrets(self) -> dict[Secret, str]:
        signature = self.media.split("/")[4]
        return {
            "word": self.word,
            "media": signature,
            "source": self.source,
            "job": self.job,
            "set": self.set,
        }


@dataclass
class Walk:
    """One set-up that runs, walked by its callers."""

    setup: SetUp
    program: Playground
    callers: Mapping[Who, Caller]
    tried: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Questions by caller and way."""
    departures: list[str] = field(default_factory=list)
    things: dict[str, Things] = field(default_factory=dict)
    _uploads: dict[tuple[Who, bytes], Any] = field(default_factory=dict)
    _before: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    pairs: set[tuple[str, str]] = field(default_factory=set)

    def everything(self) -> Walk:
        """Walk it all; `departures` says what was not as the table says."""
        self.prepare()
        self.who_they_are()
        self.others()
        self.addresses()
        self.own()
        return self

    @property
    def ways(self) -> list[str]:
        return [way for way in WAYS if way not in self.setup.closed]

    # What there is

    def prepare(self) -> None:
        """Give every owner an image made from a photo, and a job that stays on its way."""
        scripts: dict[str, Caller] = {}
        for who, caller in self.callers.items():
            if who.api != REFUSED:
                scripts.setdefault(who.api, caller)
            if who.page != REFUSED:
                scripts.setdefault(who.page, self._as_script(who) if who.token else caller)
        for owner, script in scripts.items():
            self.things[owner] = self._made(script, owner)
        for owner, script in scripts.items():  # these keep the service busy from here on
            things = self.things[owner]
            things.job = self._submitted(script, "call", things.word)[0] or ""
            assert things.job, f"{owner} could not start a job"
        for who, caller in self.callers.items():
            if who.page not in (REFUSED, STRANGER):
                mine = self.things[who.page]
                said = caller.event("check", form(caller, "check", self._known(who, caller, mine)))
                notes = re.findall(r'\{"name":"inputs/[^}]*\}', said)
                assert notes, said
                mine.note = json.loads(notes[0])

    def _as_script(self, who: Who) -> Caller:
        """Return a script that carries the token of a browser: the same owner."""
        way = self.callers[who].way
        headers = {**way.headers, "X-SRPO-Token": TOKENS[who.token]}
        return Caller(type(way)(way.address, way.source, headers))

    def _made(self, caller: Caller, owner: str) -> Things:
        number = next(numbers)
        photo = picture(1000 + number, 64, 64)
        source = f"/{pictures.load(photo).sha256}.png"
        things = Things(owner, f"zephyr{number}q", photo, source=source)
        wish = {"image": caller.upload(things.photo), "prompt": f"a boat {things.word}"}
        said = caller.ask("call/v2", "image_to_image", wish | {"backend": "wavespeed", "steps": 1})
        data = [line for line in said.splitlines() if line.startswith("data: [")]
        assert data, said
        info = json.loads(data[-1].removeprefix("data: "))[1]
        things.entry, things.media = info["id"], info["file"]
        things.file = caller.get(things.media).content
        asked = {"task": "text-to-image", "targets": [{"backend": "wavespeed"}], "image": None}
        asked |= {"base": SMALL | {"prompt": things.word}, "title": "", "dry_run": False}
        asked["axes"] = [{"field": "seed", "values": [1, 2]}]
        said = caller.ask("call/v2", "submit_set", asked)
        rows = self._rows("SELECT id FROM sets WHERE title = ?", things.word)
        assert rows, said
        things.set = rows[0][0]
        return things

    def _submitted(self, caller: Caller, way: str, word: str) -> tuple[str | None, str]:
        """Start a job that stays on its way; return its id, from the ledger, and the answer."""
        mark = f"{word} {next(numbers)}x"
        params = SMALL | {"prompt": f"fault:run_stuck|a boat {mark}"}
        wish = {"task": "text-to-image", "backend": "wavespeed", "params": params}
        said = caller.ask(way, "submit", wish | {"image": None})
        rows = self._rows("SELECT id FROM jobs WHERE params LIKE ?", f"%{mark}%")
        return (rows[0][0] if rows else None), said

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.program.data / "playground.db", timeout=30)) as database:
            return database.execute(query, values).fetchall()

    def _state(self) -> dict[str, tuple[Any, ...]]:
        """What has become of everybody's things."""
        found: dict[str, tuple[Any, ...]] = {}
        for owner, things in self.things.items():
            (job,) = self._rows("SELECT owner, state FROM jobs WHERE id = ?", things.job)
            told = "SELECT owner, starred, deleted_at FROM entries WHERE id = ?"
            entry = self._rows(told, things.entry)
            inside = "SELECT count(*) FROM collected WHERE entry_id = ?"
            entry += self._rows(inside, things.entry)
            active = job[1] in ("waiting", "sending", "running")
            kept = "SELECT owner, title, paused, picks FROM sets WHERE id = ?"
            found[owner] = (job[0], active, *entry, *self._rows(kept, things.set))
        return found

    # Who they are

    def who_they_are(self) -> None:
        """Let everybody start a job by every way: the ledger says as whom they were taken."""
        seen: set[str] = set()
        for who, caller in self.callers.items():
            for way in WAYS:
                job, said = self._submitted(caller, way, "identity")
                wanted = REFUSED if way in self.setup.closed else who.api
                self._judge_owner(who, way, wanted, job, said, seen)
            job, said = self._generated(who, caller)
            self._judge_owner(who, "page", who.page, job, said, seen)

    def _generated(self, who: Who, caller: Caller) -> tuple[str | None, str]:
        mark = f"identity {next(numbers)}x"
        known = self._known(who, caller, None) | {
            "text-to-image-prompt": f"fault:run_stuck|a boat {mark}",
            "text-to-image-backend": "wavespeed",
        }
        price = 0.025 if who.own_key else 0
        said = caller.event("generate", clicked(caller, "generate", known, "wavespeed", price))
        rows = self._rows("SELECT id FROM jobs WHERE params LIKE ?", f"%{mark}%")
        return (rows[0][0] if rows else None), said

    def _judge_owner(
        self, who: Who, way: str, wanted: str, job: str | None, said: str, seen: set[str]
    ) -> None:
        self.tried[who.name, way] += 1
        if wanted == REFUSED:
            self._expect(job is None, f"{who.name} by {way} was let in: {said[:200]}")
            return
        if job is None:
            self._expect(False, f"{who.name} by {way} could not start a job: {said[:300]}")
            return
        (owner,) = self._rows("SELECT owner FROM jobs WHERE id = ?", job)[0]
        if wanted == STRANGER:
            new = owner.startswith("stranger:") and owner not in seen
            self._expect(new, f"{who.name} by {way} is {owner}, not a stranger of its own")
            seen.add(owner)
            self._capability(who, job)
        else:
            self._expect(owner == named(wanted), f"{who.name} by {way} is {owner}, not {wanted}")
            self.callers[who].ask(way, "cancel", {"id": job})
            (state,) = self._rows("SELECT state FROM jobs WHERE id = ?", job)[0]
            gone = state == "cancelled" or who.page != who.api or who.own_key
            self._expect(gone, f"{who.name} by {way} could not cancel its own job: {state}")
        open_ = "SELECT 1 FROM jobs WHERE id = ? AND state != 'cancelled'"
        if self._rows(open_, job) and not who.own_key:
            self._as_owner(who, job)

    def _as_owner(self, who: Who, job: str) -> None:
        """Take a job back that only the page of a browser could."""
        caller = self.callers[who]
        values = form(caller, "act", self._known(who, caller, None, [job]))
        caller.event("act", values, {"do": "cancel", "job": job})
        (state,) = self._rows("SELECT state FROM jobs WHERE id = ?", job)[0]
        self._expect(state == "cancelled", f"{who.name} could not cancel on the page: {state}")

    def _capability(self, who: Who, job: str) -> None:
        """A stranger's job opens to strangers who have its id, and to nobody else."""
        way = self.ways[next(numbers) % len(self.ways)]
        strangers = [one for one in self.callers if one.api == STRANGER]
        known = [one for one in self.callers if one.api not in (STRANGER, REFUSED)]
        for some in filter(None, (strangers, known)):
            other = some[next(numbers) % len(some)]
            caller = self.callers[other]
            said = caller.ask(way, "job", {"id": job})
            self.tried[other.name, way] += 1
            open_ = '"state"' in said.replace("'", '"').replace("\\", "")
            right = open_ is (other.api == STRANGER)
            self._expect(right, f"{other.name} by {way} asked for a stranger's job: {said[:200]}")
            if other.api != STRANGER:
                caller.ask(way, "cancel", {"id": job})
                rows = self._rows("SELECT state FROM jobs WHERE id = ?", job)
                self._expect(rows[0][0] != "cancelled", f"{other.name} cancelled a stranger's job")
        self.callers[who].ask(way, "cancel", {"id": job})
        rows = self._rows("SELECT state FROM jobs WHERE id = ?", job)
        self._expect(rows[0][0] == "cancelled", f"{who.name} could not cancel by the job's id")

    # What others may do: nothing

    def others(self) -> None:
        """Ask for what belongs to others, each time with their ids; `_asked` says how much."""
        self._before = self._state()
        for place, (who, caller) in enumerate(self.callers.items()):
            turn = itertools.count(place)
            offered = {one["api_name"] for one in caller.config["dependencies"]}
            for number, (name, act) in enumerate(ENDPOINTS.items(), place):
                for way in self.ways if act is not ANYBODY else ["run"]:
                    if not _asked(number + WAYS.index(way), of=3):
                        continue
                    for target in self._targets(who.api, act, turn):
                        said = caller.ask(way, name, _arguments(name, target, next(turn)))
                        self._judge(who, way, name, who.api, act, said, target)
            for number, (name, act) in enumerate(EVENTS.items(), place):
                if name not in offered or (act is ANYBODY and place):
                    continue
                if act is not ANYBODY and not _asked(number, of=2):
                    continue
                for do in act.does[place % 3 :: 3] if act.does == BUTTONS else act.does:
                    for target in self._targets(who.page, act, turn):
                        said, way = self._event(who, caller, name, target, do, next(turn))
                        self._judge(who, way, name, who.page, act, said, target)

    def _targets(self, asker: str, act: Act, turn: Iterator[int]) -> list[Things]:
        """Whose things are asked for; with one at a time, each in turn."""
        if act in (MAKES, MOVES):
            return []
        found = [one for one in self.things.values() if one.owner not in (asker, STRANGER)]
        return [found[next(turn) % len(found)]] if found else []

    def _event(
        self, who: Who, caller: Caller, name: str, target: Things, do: str, turn: int
    ) -> tuple[str, str]:
        """Run an event with somebody's ids in every place that takes one."""
        jobs = [
            one.job for one in self.things.values() if one is target or not self._mine(who, one)
        ]
        known = self._known(who, caller, target, jobs)
        event: dict[str, Any] = {"entry": target.entry, "job": target.job, "do": do, "pick": "x"}
        if do == "star":
            event["job"] = target.entry
        event |= {"set": target.set, "title": "taken", "how": "extend", "kind": "seeds"}
        event["ask"] = {"prompt": "x", "image": target.note, "extends": target.set}
        event["path"] = known["history-drop"] and known["history-drop"]["path"]
        event["names"] = ["prompt"]
        event["factor"] = 2
        if name == "refine_shown":
            event |= {"name": "taken", "price": 0}
        values = form(caller, name, known, hidden=target.entry)
        if turn % 3 == 0 and "run" in self.ways:
            return caller.run(name, values, event), "run"
        return caller.event(name, values, event), "page"

    def _mine(self, who: Who, things: Things) -> bool:
        return things.owner == who.page and who.page != STRANGER

    def _known(
        self, who: Who, caller: Caller, target: Things | None, jobs: list[str] | None = None
    ) -> dict[str, Any]:
        """Return the values of the page's parts; those that take an id have the target's."""
        watch = {"jobs": jobs or [], "seed": 1}
        known: dict[str, Any] = {
            "srpo-who": TOKENS.get(who.token, ""),
            "srpo-watch": watch,
            "history-drop": None,
        }
        for name in ("width", "height"):
            known[f"text-to-image-wavespeed-{name}"] = 256
        if target is None:
            return known
        return known | {
            "srpo-picture": target.note,
            "history-grid": {"entries": [{"id": target.entry}], "note": ""},
            "history-drop": self._uploaded(who, caller, target.file),
            "image-to-image-image": self._uploaded(who, caller, target.photo),
        }

    def _uploaded(self, who: Who, caller: Caller, file: bytes) -> Any:
        """Upload a file once for each caller; who is not let in has none."""
        if who.page == REFUSED or not file:
            return None
        found = self._uploads.get((who, file)) or caller.upload(file)
        self._uploads[who, file] = found
        return found

    def _judge(
        self, who: Who, way: str, name: str, asker: str, act: Act, said: str, target: Things
    ) -> None:
        """Nothing of anybody else's is shown, and nothing of anybody's has changed."""
        self.tried[who.name, way] += 1
        self.pairs.add((who.name, target.owner))
        what = f"{who.name} by {way}, {name}, at the things of {target.owner}"
        for things in self.things.values():
            if things.owner == asker:
                continue
            for kind, secret in things.secrets().items():
                if secret and kind not in act.told:
                    self._expect(secret not in said, f"{what}: shows the {kind} of {things.owner}")
        after = self._state()
        self._expect(after == self._before, f"{what}: changed {self._before} to {after}")
        self._before = after

    def _expect(self, right: bool, sentence: str) -> None:
        if not right:
            self.departures.append(f"{self.setup.name}: {sentence}")

    # Addresses of images

    def addresses(self) -> None:
        """An address opens as it stands, to whoever is let in; with another's signature never."""
        everybody = [one for one in self.things.values() if one.media]
        for who, caller in self.callers.items():
            for one in everybody:
                status = caller.get(one.media).status_code
                self.tried[who.name, "media"] += 1
                wanted = (401, 403) if who.page == REFUSED else (200,)
                self._expect(
                    status in wanted, f"{who.name} opened an image of {one.owner}: {status}"
                )
                for other in everybody:
                    if other is not one:
                        parts = one.media.split("/")
                        parts[4] = other.media.split("/")[4]
                        status = caller.get("/".join(parts)).status_code
                        self.tried[who.name, "media"] += 1
                        self._expect(
                            status >= 400, f"{who.name} opened an image by another's signature"
                        )

    # What owners may do: everything of their own

    def own(self) -> None:
        """The same questions by the owners: they show what they are for."""
        last: dict[str, tuple[Who, Caller]] = {}
        for who, caller in self.callers.items():
            if who.api in self.things and who.api != STRANGER:
                self._own_calls(who, caller, self.things[who.api])
            if who.page in self.things and who.page != STRANGER:
                if who.page not in last or who.token:
                    self._own_events(who, caller, self.things[who.page])
                last[who.page] = (who, caller)
        for owner, (who, caller) in last.items():
            self._own_changes(who, caller, self.things[owner])

    def _own_calls(self, who: Who, caller: Caller, mine: Things) -> None:
        for way in self.ways:
            for name, arguments, shown in (
                ("history", _list(), mine.word),
                ("jobs", {"state": ""}, mine.job),
                ("job", {"id": mine.job}, "charged"),
                ("export", _chosen(mine), "images.zip"),
                ("set", {"id": mine.set}, mine.word),
                ("sets", {"limit": 50, "before": ""}, mine.set),
                ("collect", {"ids": [mine.entry], "collection": mine.word}, "collected"),
                ("star", {"id": mine.entry, "starred": False}, mine.entry),
                ("delete", {"ids": [mine.entry]}, "deleted"),
                ("restore", {"ids": [mine.entry]}, "restored"),
            ):
                said = caller.ask(way, name, arguments)
                self.tried[who.name, way] += 1
                there = shown in said
                self._expect(
                    there, f"{who.name} by {way}, {name}: its own is missing: {said[:300]}"
                )

    def _own_events(self, who: Who, caller: Caller, mine: Things) -> None:
        for name, act in EVENTS.items():
            # What a browser remembers is restored to a browser.
            if act.shows and name not in CHANGING and (name != "restore_1" or who.token):
                self._own_event(who, caller, mine, name, act.shows)

    def _own_event(
        self, who: Who, caller: Caller, mine: Things, name: str, shows: Secret | None
    ) -> None:
        said, way = self._event(who, caller, name, mine, "cancel", 1)
        self.tried[who.name, way] += 1
        there = shows is None or mine.secrets()[shows] in said
        self._expect(
            there, f"{who.name} by {way}, {name}: its own {shows} is missing: {said[-900:]}"
        )

    def _own_changes(self, who: Who, caller: Caller, mine: Things) -> None:
        starred = "SELECT starred FROM entries WHERE id = ?"
        self._own_event(who, caller, mine, "mark", "media")
        self._expect(bool(self._rows(starred, mine.entry)[0][0]), f"{who.name} could not star")
        self._own_event(who, caller, mine, "act", None)
        (state,) = self._rows("SELECT state FROM jobs WHERE id = ?", mine.job)[0]
        gone = state == "cancelled" or who.own_key
        self._expect(gone, f"{who.name} could not cancel its own job: {state}")
        self._own_event(who, caller, mine, "erase", None)
        kept = "SELECT 1 FROM entries WHERE id = ? AND deleted_at IS NULL"
        self._expect(not self._rows(kept, mine.entry), f"{who.name} could not delete its own")
        self._own_event(who, caller, mine, "renewed", None)
        (owner,) = self._rows("SELECT owner FROM jobs WHERE id = ?", mine.job)[0]
        moved = owner.startswith("browser:") and owner != named(mine.owner)
        leaves = who.token and not who.script and mine.owner in TOKENS
        right = moved if leaves else owner == named(mine.owner)
        self._expect(right, f"{who.name} renewed its token: its job is {owner}'s")


def _asked(number: int, of: int) -> bool:
    """Tell whether a question about others' things is asked: at full size all are.

    Else a caller asks one in `of`; what it leaves out the next callers ask.
    """
    return "FULL_SIZE" in os.environ or number % of == 0


def named(owner: str) -> str:
    """Return an owner as it stands in the ledger."""
    if owner in TOKENS:
        return "browser:" + hashlib.sha256(TOKENS[owner].encode()).hexdigest()[:32]
    return owner


def _list(before: str = "") -> dict[str, Any]:
    return {"limit": 50, "before": before, "query": "", "starred": False}


def _chosen(things: Things) -> dict[str, Any]:
    return {"ids": [things.entry], "profile": "full", "format": ""}


def _arguments(name: str, target: Things, turn: int) -> dict[str, Any]:
    """Return what an endpoint is asked with, to get at somebody's things."""
    return {
        "job": {"id": target.job},
        "cancel": {"id": target.job},
        "set": {"id": target.set},
        "sets": {"limit": 50, "before": target.set if turn % 3 == 0 else ""},
        "jobs": {"state": ""},
        "history": _list(before=target.entry if turn % 3 == 0 else ""),
        "export": _chosen(target),
        "backends": {},
        "star": {"id": target.entry, "starred": True},
        "delete": {"ids": [target.entry]},
        "restore": {"ids": [target.entry]},
        "collect": {"ids": [target.entry], "collection": "taken"},
    }[name]


def report(walks: list[Walk]) -> str:
    """Draw the figure: questions by set-up, caller and way, and what was not as the table says."""
    ways = [*WAYS, "media"]
    lines = [f"{'set-up and caller':<52}{'on the page':<12}{'as script':<12}"]
    lines[0] += "".join(f"{way:>9}" for way in ways)
    for walk in walks:
        lines.append(f"{walk.setup.name}")
        for who in walk.callers:
            counts = "".join(f"{walk.tried[who.name, way] or '–':>9}" for way in ways)
            lines.append(f"  {who.name:<50}{_short(who.page):<12}{_short(who.api):<12}{counts}")
    asked = sum(sum(walk.tried.values()) for walk in walks)
    wrong = [one for walk in walks for one in walk.departures]
    return "\n".join([*lines, f"{asked} questions, {len(wrong)} departures", *wrong[:40]])


def _short(owner: str) -> str:
    return f"browser {owner}" if owner in TOKENS else owner
