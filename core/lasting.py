"""Whether what is kept outlives a restart: the disk of a Space does not, what is attached does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from core.settings import Settings


def is_fleeting(
    settings: Settings,
    environment: Mapping[str, str],
    is_mount: Callable[[Path], bool] = Path.is_mount,
) -> bool:
    """Whether images or their history are gone when this Space sleeps; elsewhere nothing is."""
    if environment.get("SYSTEM") != "spaces":
        return False
    if settings.storage_url and settings.database_url:
        return False
    place = settings.srpo_data_dir.resolve()
    attached = (one for one in (place, *place.parents) if one != Path(place.anchor))
    return not any(is_mount(one) for one in attached)
