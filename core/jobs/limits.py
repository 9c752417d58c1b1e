"""What one caller may ask for: pure rules, applied in the transaction that adds jobs."""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from core.backend import Backend
from core.caller import Caller
from core.errors import InputError, NotReadyError, OverLimitError
from core.exposure import Exposure
from core.jobs.consent import Consent
from core.jobs.job import iso
from core.settings import Settings
from core.words import english

HOUR_S = 3600.0
MOST_IMAGES = 100
"""Images of one click, whatever a setting says."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What the ledger knows of a caller: images that wait, and when paid ones were asked for."""

    waiting: int = 0
    paid_by_owner: Sequence[float] = ()
    paid_by_address: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one caller; None is no limit."""

    images_per_click: int = MOST_IMAGES
    waiting: int | None = None
    waiting_stranger: int | None = None
    """For whoever has no name: counted by network address, for each request is a new owner."""
    paid_per_owner_hour: int | None = None
    paid_per_address_hour: int | None = None
    locked: bool = False
    """Backends that spend the operator's money are closed."""
    images_per_set: int | None = None
    """New images of a set; None is no limit but the size of a set."""

    @property
    def by_address(self) -> bool:
        """Whether any limit counts by network address."""
        return self.waiting_stranger is not None or self.paid_per_address_hour is not None

    def images(self, value: Any) -> int:
        """Return how many images a click asks for, from what a browser sent; nothing is 1.

        Raises InputError when it is no number or none that is allowed.
        """
        if value is None:
            return 1
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 1 <= value <= self.images_per_click or value != int(value):
            raise InputError(
                english("jobs-one-click-makes-1-images", images_per_click=self.images_per_click),
                field="pictures",
                advice=english("jobs-choose-number-between-them"),
            )
        return int(value)

    def check_set(self, images: int) -> None:
        """Refuse a set with more new images than are allowed; raises OverLimitError."""
        most = self.images_per_set
        if most is not None and images > most:
            raise OverLimitError(
                english("jobs-set-makes-at-most-here", images=_images(most), images2=images),
                advice=english("jobs-take-values-away"),
            )

    def check(self, images: int, counts: Counts, now: float, *, paid: int, stranger: bool) -> None:
        """Refuse so many further images, `paid` of them paid for, when they pass a limit.

        `now` is in Unix seconds.

        Raises OverLimitError, which says the limit and when it frees.
        """
        most = self.waiting_stranger if stranger else self.waiting
        if most is not None and counts.waiting + images > most:
            key = "jobs-waiting-stranger" if stranger else "jobs-waiting-visitor"
            raise OverLimitError(
                english(key, images=_images(most), waiting=counts.waiting),
                advice=english("jobs-next-possible-as-soon-as")
                if images <= most
                else english("jobs-ask-for-fewer-images-at"),
            )
        if paid:
            _hour(paid, counts.paid_by_owner, self.paid_per_owner_hour, now, "jobs-hour-you")
            _hour(
                paid,
                counts.paid_by_address,
                self.paid_per_address_hour,
                now,
                "jobs-hour-address",
            )


PUBLIC = Limits(
    8,
    waiting=20,
    waiting_stranger=3,
    paid_per_owner_hour=30,
    paid_per_address_hour=60,
    images_per_set=8,
)
"""Limits of a public instance; elsewhere only the images of a click are limited."""


def _hour(images: int, times: Sequence[float], most: int | None, now: float, key: str) -> None:
    """Refuse images that would be more than `most` since an hour ago."""
    if most is None or len(times) + images <= most:
        return
    limit = english(key, images=english("jobs-images-paid", count=most))
    if images > most:
        raise OverLimitError(
            english("jobs-click-asks-for-nothing-was", limit=limit, images=images),
            advice=english("jobs-ask-for-fewer-images-at"),
        )
    free = sorted(times)[len(times) + images - most - 1] + HOUR_S
    minute = math.ceil(free / 60) * 60
    left = max(1, math.ceil((minute - now) / 60))
    raise OverLimitError(
        english(
            "jobs-next-possible",
            limit=limit,
            count=images,
            time=iso(minute)[11:16],
            minutes=english("jobs-minutes", count=left),
        ),
        advice=english("jobs-wait-until-then-or-use"),
    )


def _images(number: int) -> str:
    return english("jobs-images", count=number)


def limits_for(settings: Settings, *, public: bool) -> Limits:
    """Return the limits in force; a setting that is given holds on every kind of instance."""

    def chosen(given: int | None, usual: int | None) -> int | None:
        return given or (usual if public else None)

    no_budget = settings.srpo_budget_day_usd is None and not settings.srpo_public_spending
    return Limits(
        chosen(settings.srpo_limit_images_per_click, PUBLIC.images_per_click) or MOST_IMAGES,
        chosen(settings.srpo_limit_waiting, PUBLIC.waiting),
        chosen(settings.srpo_limit_waiting_stranger, PUBLIC.waiting_stranger),
        chosen(settings.srpo_limit_paid_per_owner_hour, PUBLIC.paid_per_owner_hour),
        chosen(settings.srpo_limit_paid_per_address_hour, PUBLIC.paid_per_address_hour),
        locked=public and no_budget,
        images_per_set=chosen(settings.srpo_limit_images_per_click, PUBLIC.images_per_set),
    )


@dataclass(frozen=True, slots=True)
class Policy:
    """Which limits hold for whom, and who runs the place."""

    known: Limits = field(default_factory=Limits)
    """For this machine's own person and for those who signed in."""
    visitors: Limits = field(default_factory=Limits)
    """For everybody on a public instance, and elsewhere for whoever is not known."""
    exposure: Exposure = field(default_factory=Exposure)
    admins: frozenset[str] = frozenset()
    """Users who run the place, besides this machine's own person."""
    discreet: bool = False
    """What everybody spent is told to those alone."""

    @classmethod
    def of(cls, settings: Settings, exposure: Exposure) -> Policy:
        """Read the policy from settings and from how the program is reached."""
        known = limits_for(settings, public=exposure.public)
        visitors = limits_for(settings, public=True)
        return cls(known, visitors, exposure, settings.admins, discreet=True)

    def limits(self, caller: Caller) -> Limits:
        """Return the limits of a caller."""
        return self.visitors if self.exposure.limits(caller) else self.known

    def tells_sums(self, owner: str) -> bool:
        """Whether an owner may know what everybody spent."""
        kind, _, name = owner.partition(":")
        runs = owner == "local" or (kind == "user" and name in self.admins)
        return runs or not self.discreet

    def closed(self, backend: Backend, caller: Caller | None = None) -> NotReadyError | None:
        """Say why a backend takes nothing from a caller, or from anybody here; else None."""
        limits = self.limits(caller) if caller else self.known
        if not (limits.locked and backend.paid):
            return None
        return NotReadyError(
            english("jobs-closed-visitors-whoever-runs-playground", label=backend.label),
            advice=english("jobs-choose-another-backend-or-enter"),
        )


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which a click is taken."""

    limits: Limits = field(default_factory=Limits)
    consent: Consent = field(default_factory=Consent)
    stranger: bool = False
    address: str | None = None
    """A keyed digest of the caller's network address; None where no limit counts by it."""
    tells_sums: bool = True
    """Whether a refusal may say what everybody spent."""


def digest_of(address: str, secret: str) -> str:
    """Return a keyed digest of what an address is counted as: the address itself is not kept."""
    text = counted_as(address).encode()
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()[:32]


def counted_as(address: str) -> str:
    """Return what an address is counted as: itself, or the network that one customer has."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv4Address):
        return str(found)
    # Of IPv6 a customer has a network of 64 bits, and could ask from a new address each time.
    return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))
