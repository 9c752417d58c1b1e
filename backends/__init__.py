"""How each service is spoken to: one file each, one line in the registry each.

To add a backend, write `backends/<name>.py` with a class that has a `Params` type for each task and
a `generate` that yields events, give it a `create(settings)`, and add that to `REGISTRY`. Then
write its stub in `tests/backends/stubs.py`. CONTRIBUTING.md shows one whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hmac import compare_digest

from pydantic import SecretStr

from backends import local, miniature, self_hosted, wavespeed
from backends.remote import openai_images
from core.backend import Backend
from core.errors import InputError
from core.settings import Settings

REGISTRY: tuple[Callable[[Settings], Backend | None], ...] = (
    wavespeed.create,
    openai_images.create_siraya,
    self_hosted.create,
    local.create,
    miniature.create,
)

KEYED: Mapping[str, tuple[str, Callable[[Settings], Backend]]] = {
    "wavespeed": ("wavespeed_api_key", wavespeed.create),
    "siraya": ("siraya_api_key", openai_images.create_siraya),
}
"""Services that a visitor can reach with a key of their own: its setting, and what builds it."""


def create(settings: Settings) -> dict[str, Backend]:
    """Build every backend that is configured; none opens a connection before it is used."""
    made = (make(settings) for make in REGISTRY)
    return {backend.id: backend for backend in made if backend}


def with_key(settings: Settings, service: str, key: str) -> Backend:
    """Build a service that is reached with a visitor's own key, never the sandbox in its place.

    Raises InputError for the operator's key: two workers could not tell their lost sends apart.
    """
    name, make = KEYED[service]
    known: SecretStr | None = getattr(settings, name)
    if known and compare_digest(known.get_secret_value().strip(), key):
        raise InputError(
            "This playground works with this very key already, so it need not be entered.",
            field="key",
        )
    return make(settings.model_copy(update={name: SecretStr(key)}))
