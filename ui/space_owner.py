"""What whoever runs a Space can still add to it, in its settings on the hub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.backend import Loadable
from core.lasting import is_fleeting
from core.settings import Settings
from core.studio import Studio
from core.words import say


@dataclass(frozen=True, slots=True)
class SpaceOwner:
    """What is missing on a Space, as sentences; nothing anywhere else."""

    fleeting: bool = False
    """Images are gone when the Space sleeps."""
    can_add: Sequence[str] = ()


NOBODY = SpaceOwner()


def of(
    studio: Studio, settings: Settings, environment: Mapping[str, str], *, sign_in: bool
) -> SpaceOwner:
    """Look at what is set; `sign_in` is whether visitors can sign in."""
    if environment.get("SYSTEM") != "spaces":
        return NOBODY
    fleeting = is_fleeting(settings, environment)
    return SpaceOwner(
        fleeting, [*_keys(studio), *_model(studio), *_rest(studio, fleeting, sign_in)]
    )


def _keys(studio: Studio) -> list[str]:
    shown = [one for one in studio.backends.values() if one.sandbox]
    if not shown:
        return []
    keys = [say("space-key-for", setting=one.key_setting, backend=one.label) for one in shown]
    return [say("space-keys", keys=say("list-break").join(keys))]


def _model(studio: Studio) -> list[str]:
    models = [one for one in studio.backends.values() if isinstance(one, Loadable)]
    stages = {one.readiness().stage for one in models}
    if "licence" in stages:
        return [say("space-licence")]
    return [say("space-model")] if "no model" in stages else []


def _rest(studio: Studio, fleeting: bool, sign_in: bool) -> list[str]:
    wanted = (
        (say("space-storage"), fleeting),
        (say("space-sign-in"), not sign_in),
        (say("space-budget"), bool(studio.closed_to())),
    )
    return [sentence for sentence, missing in wanted if missing]
