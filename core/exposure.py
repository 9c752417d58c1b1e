"""Who can reach this program: only its own machine, a team that signs in, or strangers."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from core.caller import Caller
from core.settings import Settings


@dataclass(frozen=True, slots=True)
class Exposure:
    """How the program is reached, as its settings and environment say."""

    space: bool = False
    share: bool = False
    """A public link leads here through Gradio's servers."""
    loopback: bool = True
    """Only this machine can connect."""
    sign_in: bool = False
    """Nobody enters without a password of `SRPO_AUTH`."""
    proxied: bool = False
    """The settings speak of a proxy in front, which lets others in."""

    @property
    def public(self) -> bool:
        """Whether strangers may come in."""
        return not self.sign_in and (self.space or self.share or self.proxied or not self.loopback)

    def limits(self, caller: Caller) -> bool:
        """Whether the limits for strangers hold for this caller.

        They hold for everybody on a public instance. Elsewhere they hold for whoever came
        through a proxy that no setting mentions.
        """
        known = caller.owner == "local" or (self.sign_in and caller.owner.startswith("user:"))
        return self.public or not known


def exposure(settings: Settings, environment: Mapping[str, str]) -> Exposure:
    """Read how the program will be reached; Gradio's own variables are in the environment."""
    return Exposure(
        space=environment.get("SYSTEM") == "spaces",
        share=environment.get("GRADIO_SHARE", "").lower() in ("true", "1"),
        loopback=is_loopback(environment.get("GRADIO_SERVER_NAME", "") or "127.0.0.1"),
        sign_in=bool(settings.users),
        proxied=bool(settings.srpo_trusted_proxies or settings.srpo_hosts)
        or "://" in environment.get("GRADIO_ROOT_PATH", ""),
    )


def is_loopback(host: str) -> bool:
    """Whether a host name or address, brackets of IPv6 allowed, means this machine alone."""
    name = host.strip("[]").rstrip(".").lower()
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
