"""How each service is spoken to: one file each, one line in the registry each.

To add a backend, write `backends/<name>.py` with a class that has a `Params` type for each task and
a `generate` that yields events, give it a `create(settings)`, and add that to `REGISTRY`. Then
write its stub in `tests/backends/stubs.py`. CONTRIBUTING.md shows one whole.
"""

from __future__ import annotations

from collections.abc import Callable

from backends import local, miniature, openai_images, self_hosted, wavespeed
from core.backend import Backend
from core.settings import Settings

REGISTRY: tuple[Callable[[Settings], Backend | None], ...] = (
    wavespeed.create,
    openai_images.create_siraya,
    self_hosted.create,
    local.create,
    miniature.create,
)


def create(settings: Settings) -> dict[str, Backend]:
    """Build every backend that is configured; none opens a connection before it is used."""
    made = (make(settings) for make in REGISTRY)
    return {backend.id: backend for backend in made if backend}
