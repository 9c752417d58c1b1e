"""What the sandbox can be told: how slow, how rich and how faulty it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

from sandbox.faults.plans import plan

PictureKind = Literal["painted", "fixed"]


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of one sandbox; `POST /sandbox/settings` changes all but the key."""

    latency: float = 2.0
    """Seconds from acceptance to the finished image, as the median."""
    sigma: float = 0.0
    """Spread of the latency: the standard deviation of its natural logarithm."""
    key: str = ""
    """The one key accepted; empty: any key that does not begin with "wrong"."""
    balance: float = 1000.0
    """US dollars on the account before the first image."""
    fault: str = ""
    """Faults of every job without a `fault:` prefix, written as in the prefix."""
    picture: PictureKind = "painted"
    """`fixed`: one prebuilt image a size, so that painting delays nothing."""
    sync_limit: float = 90.0
    """Longest wait of WaveSpeed's `enable_sync_mode`, in seconds."""
    store_bytes: int = 256 * 1024 * 1024
    """Images kept; beyond it the oldest expire."""
    runners: int = 1000
    """Requests of the fal side that are worked on at once; the others wait in its queue."""
    models: tuple[str, ...] = ("flux-1-srpo-text-to-image",)
    """Text-to-image models of the Siraya side."""
    edit_models: tuple[str, ...] = ()
    """Edit models of the Siraya side, beside every id that contains "edit"."""
    chance: int = 0
    """Seed of the latency draws, so that a bench can repeat them."""

    def __post_init__(self) -> None:
        _require(0 <= self.latency <= 3600, "latency must be 0 to 3600 seconds")
        _require(0 <= self.sigma <= 3, "sigma must be 0 to 3")
        _require(self.runners >= 1, "runners must be 1 or more")
        _require(self.picture in get_args(PictureKind), "picture must be painted or fixed")
        plan(self.fault)


def changed(options: Options, changes: Mapping[str, Any]) -> Options:
    """Return the options with some replaced; raises ValueError that says what is wrong."""
    allowed = {field.name for field in fields(Options)} - {"key"}
    unknown = sorted(set(changes) - allowed)
    _require(not unknown, f"unknown settings: {', '.join(unknown)}")
    return replace(options, **{name: _fitting(options, name, changes[name]) for name in changes})


def _fitting(options: Options, name: str, value: Any) -> Any:
    value = tuple(value) if isinstance(value, list) else value
    kind = type(getattr(options, name))
    whole_for_float = kind is float and type(value) is int
    _require(type(value) is kind or whole_for_float, f"{name} must be a {kind.__name__}")
    return value


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise ValueError(sentence)
