"""What one caller may ask for: pure rules, applied in the transaction that adds jobs."""

from __future__ import annotations

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
                f"One click makes 1 to {self.images_per_click} images.",
                field="pictures",
                advice="Choose a number between them.",
            )
        return int(value)

    def check(self, images: int, counts: Counts, now: float, *, paid: bool, stranger: bool) -> None:
        """Refuse so many further images when they pass a limit; `now` is in Unix seconds.

        Raises OverLimitError, which says the limit and when it frees.
        """
        most = self.waiting_stranger if stranger else self.waiting
        if most is not None and counts.waiting + images > most:
            who = "Without a token, each network address" if stranger else "Each visitor"
            raise OverLimitError(
                f"{who} can have {_images(most)} waiting here, and {counts.waiting} "
                f"{'waits' if counts.waiting == 1 else 'wait'} now. Nothing was sent.",
                advice="The next is possible as soon as one of them begins or is cancelled."
                if images <= most
                else "Ask for fewer images at once.",
            )
        if paid:
            _hour(images, counts.paid_by_owner, self.paid_per_owner_hour, now, "You")
            _hour(
                images,
                counts.paid_by_address,
                self.paid_per_address_hour,
                now,
                "Your network address",
            )


PUBLIC = Limits(8, waiting=20, waiting_stranger=3, paid_per_owner_hour=30, paid_per_address_hour=60)
"""Limits of a public instance; elsewhere only the images of a click are limited."""


def _hour(images: int, times: Sequence[float], most: int | None, now: float, who: str) -> None:
    """Refuse images that would be more than `most` since an hour ago."""
    if most is None or len(times) + images <= most:
        return
    limit = f"{who} can ask for {_images(most, 'paid ')} an hour here"
    if images > most:
        raise OverLimitError(
            f"{limit}, and this click asks for {images}. Nothing was sent.",
            advice="Ask for fewer images at once.",
        )
    free = sorted(times)[len(times) + images - most - 1] + HOUR_S
    minute = math.ceil(free / 60) * 60
    left = max(1, math.ceil((minute - now) / 60))
    raise OverLimitError(
        f"{limit}; the next {'is' if images == 1 else f'{images} are'} possible at "
        f"{iso(minute)[11:16]} (UTC), in {left} minute{'' if left == 1 else 's'}. "
        "Nothing was sent.",
        advice="Wait until then, or use a backend that is free.",
    )


def _images(number: int, kind: str = "") -> str:
    return f"{number} {kind}image{'' if number == 1 else 's'}"


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
            f"{backend.label} is closed to visitors: whoever runs this playground pays for its "
            "images and has set no budget.",
            advice="Choose another backend, or enter a key of your own on the Backends tab.",
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
