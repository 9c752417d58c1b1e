"""Keys that visitors entered for their own jobs: in this process's memory and nowhere else.

The ledger knows a key by a keyed fingerprint alone. Each key has a backend and a worker of its own,
so what one key is refused, or how fast it may be used, concerns no other.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from core.backend import Backend
from core.caller import STRANGER
from core.errors import InputError, NotReadyError
from core.jobs.job import Job
from core.jobs.worker import Worker
from core.redact import Redactor
from core.words import english

KEPT_S = 12 * 3600.0
"""How long a key that is not used is kept, in seconds."""
LOOK_S = 60.0
"""How often the program looks for such keys, in seconds."""
MOST = 200
"""Keys held at once, by all visitors together: each has connections of its own."""
KEY = re.compile(r"[A-Za-z0-9_.~+/=:-]{12,200}")
VAULT = "own-keys"
"""Under which the installation keeps the secret that fingerprints are keyed with."""

Connect = Callable[[str, str], Backend]
"""Reaches a service with a key: takes its id and the key, returns the real backend."""


@dataclass(slots=True)
class Held:
    """A service reached with a visitor's key, and who entered that key."""

    service: str
    fingerprint: str
    key: str = field(repr=False)
    backend: Backend
    worker: Worker
    used: dict[str, float] = field(default_factory=dict)
    """When each owner who entered the key used it last, in monotonic seconds."""


@dataclass(frozen=True, slots=True)
class Entered:
    """What became of entering a key."""

    backend: Backend
    balance_usd: float | None = None
    """What the account has left, if its service tells."""
    unsure: str = ""
    """Why it is not known whether the service takes the key; "" when it does."""
    resumed: int = 0
    """Jobs that needed the key and go on now."""
    others: int = 0
    """Jobs of the same owner that need another key of the same service."""


class OwnKeys:
    """The keys held now; every method is called on the event loop."""

    def __init__(
        self,
        connect: Connect | None = None,
        services: Collection[str] = (),
        mask: Redactor | None = None,
    ) -> None:
        self._connect = connect
        self.services = services
        """Ids of the services for which a visitor can enter a key."""
        self._mask = mask or Redactor()
        self._held: dict[tuple[str, str], Held] = {}

    def connect(self, owner: str, service: str, key: str) -> Backend:
        """Reach a service with a key, which is masked from now on in all that is written.

        Raises InputError when this cannot be a key or the owner cannot hold one, NotReadyError
        when too many are held.
        """
        if self._connect is None or service not in self.services:
            raise InputError(english("jobs-no-key-can-entered-for"), field="service")
        if owner.startswith(STRANGER):
            raise InputError(
                english("jobs-key-kept-for-somebody-who"),
                field="key",
                advice=english("jobs-reload-page-or-sign-in"),
            )
        if not KEY.fullmatch(key):
            raise InputError(
                english("jobs-cannot-key-key-has-12"),
                field="key",
                advice=english("jobs-copy-again-from-service-s"),
            )
        if len(self._held) >= MOST:
            raise NotReadyError(
                english("jobs-playground-holds-as-many-keys"),
                advice=english("jobs-try-again-later"),
            )
        self._mask.add(key)
        try:
            return self._connect(service, key)
        except BaseException:
            self._mask.remove(key)
            raise

    def refuse(self, key: str) -> None:
        """Let go of a key that was connected and is not going to be held."""
        self._mask.remove(key)

    def hold(self, owner: str, held: Held, now: float) -> Held:
        """Keep a key that was connected, for an owner; one that is held already stays as it is."""
        known = self._held.setdefault((held.service, held.fingerprint), held)
        if known is not held:
            self._mask.remove(held.key)  # it was added once more when it was connected
        known.used[owner] = now
        return known

    def of(self, owner: str, service: str) -> Held | None:
        """Return the key that an owner's new jobs for a service are sent with."""
        return self.held_by(owner).get(service)

    def held_by(self, owner: str) -> Mapping[str, Held]:
        """Return an owner's keys by service."""
        return {one.service: one for one in self._held.values() if owner in one.used}

    def backends(self, owner: str) -> Mapping[str, Backend]:
        """Return the services that an owner reaches with keys of their own."""
        return {service: one.backend for service, one in self.held_by(owner).items()}

    def worker(self, job: Job) -> Worker | None:
        """Return the worker of a job's key, even of a key that was let go while jobs run."""
        found = self._held.get((job.backend, job.own_key or ""))
        return found.worker if found else None

    def holding(self, job: Job) -> Held | None:
        """Return the key of a job if the job's owner holds it now."""
        found = self._held.get((job.backend, job.own_key or ""))
        return found if found and job.owner in found.used else None

    def touch(self, owner: str, held: Held, now: float) -> None:
        """Note that an owner uses a key."""
        if owner in held.used:
            held.used[owner] = now

    def release(self, owner: str, service: str) -> Held | None:
        """Let go of an owner's key; it stays in memory until `drop`."""
        if found := self.of(owner, service):
            del found.used[owner]
        return found

    def unused(self, since: float) -> list[tuple[str, str]]:
        """Return the owners and services whose keys nobody used since then."""
        return [
            (owner, one.service)
            for one in self._held.values()
            for owner, used in one.used.items()
            if used < since
        ]

    def drop(self, busy: Collection[tuple[str, str | None]] = ()) -> list[Held]:
        """Forget every key that nobody holds and no job under way needs; return them to close."""
        gone = [one for name, one in self._held.items() if not one.used and name not in busy]
        for one in gone:
            del self._held[one.service, one.fingerprint]
            self._mask.remove(one.key)
        return gone

    def all(self) -> list[Held]:
        """Return every key held, for closing their connections."""
        return list(self._held.values())

    def hand_over(self, old: str, new: str) -> None:
        """Give the keys of one owner to another."""
        for one in self._held.values():
            if old in one.used:
                one.used[new] = max(one.used.pop(old), one.used.get(new, 0.0))


def fingerprint(secret: str, service: str, key: str) -> str:
    """Return the mark by which a key is known again; it tells nothing without the secret."""
    digest = hmac.new(bytes.fromhex(secret), f"{service}\n{key}".encode(), hashlib.sha256)
    return digest.hexdigest()[:32]
