"""How each service is spoken to: one file each, one line in the registry each.

To add a backend, write `backends/<name>.py` with a class that has a `Params` type for each task and
a `generate` that yields events, give it its settings and a `Registration`, and add that to
`REGISTRY`. Then write its stub in `tests/backends/stubs.py`. CONTRIBUTING.md shows one whole.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from hmac import compare_digest

from pydantic import SecretStr

from backends import fal, local, miniature, self_hosted, siraya, wavespeed
from core import settings as program
from core.backend import Backend, Registration
from core.errors import InputError
from core.words import english

REGISTRY: Mapping[str, Registration] = {
    "wavespeed": wavespeed.REGISTRATION,
    "siraya": siraya.REGISTRATION,
    "fal": fal.REGISTRATION,
    "self-hosted": self_hosted.REGISTRATION,
    "local": local.REGISTRATION,
    "miniature": miniature.REGISTRATION,
}

KEYED = {service: one.key for service, one in REGISTRY.items() if one.key}
"""Services that a visitor can reach with a key of their own, and the setting with that key."""

Settings: type[program.Settings] = types.new_class(
    "Settings",
    tuple(dict.fromkeys(one.settings for one in REGISTRY.values())),
    exec_body=lambda names: names.update(
        __module__=__name__, __doc__=english("service-settings-program-every-backend")
    ),
)


def create(settings: program.Settings) -> dict[str, Backend]:
    """Build every backend that is configured; none opens a connection before it is used."""
    made = (one.create(settings) for one in REGISTRY.values())
    return {backend.id: backend for backend in made if backend}


def with_key(settings: program.Settings, service: str, key: str) -> Backend:
    """Build a service that is reached with a visitor's own key, never the sandbox in its place.

    Raises InputError for the operator's key: two workers could not tell their lost sends apart.
    """
    name, make = KEYED[service], REGISTRY[service].create
    known: SecretStr | None = getattr(settings, name)
    if known and compare_digest(known.get_secret_value().strip(), key):
        raise InputError(
            english("service-playground-works-with-very-key"),
            field="key",
        )
    made: Backend = make(settings.model_copy(update={name: SecretStr(key)}))
    return made
