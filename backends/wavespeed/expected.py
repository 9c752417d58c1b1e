"""What WaveSpeed's pages say of its answers; the live check tells where the service differs."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from pydantic import Field

from backends.remote.expectations import Expects, Shape

S = TypeVar("S", bound=Shape)


class Enveloped(Shape, Generic[S]):
    """A good answer: what was asked for is its `data`."""

    code: Literal[200]
    message: str
    data: S


class Refusal(Shape):
    """An answer to what was not done."""

    code: int
    message: str
    error_code: str | int | None = None
    data: None = None


class Addresses(Shape):
    """Where a job is asked for."""

    get: str


class Timings(Shape):
    """How long the work took, in milliseconds."""

    inference: int = Field(ge=0)


class Task(Shape):
    """A job: `code` is there when it failed, and some lists are null while they are empty."""

    id: str = Field(min_length=1)
    model: str
    outputs: list[str] | None
    urls: Addresses
    has_nsfw_contents: list[bool] | None
    status: Literal[
        "created", "processing", "completed", "failed", "cancelled", "timeout", "deleted"
    ]
    created_at: str
    error: str
    timings: Timings
    code: int | None = None


class Listing(Shape):
    """A page of the account's jobs."""

    page: int
    items: list[Task]
    total: int | None = None


class Balance(Shape):
    """US dollars left."""

    balance: float


class Price(Shape):
    """What a run of a model costs."""

    price: float
    discounted_price: float
    currency: Literal["USD"]


API = "/api/v3"
EXPECTED = (
    Expects("balance", "GET", f"{API}/balance", Enveloped[Balance], Refusal),
    Expects("price", "POST", f"{API}/model/price", Enveloped[Price], Refusal),
    Expects("list", "POST", f"{API}/predictions", Enveloped[Listing], Refusal),
    Expects("submit", "POST", f"{API}/wavespeed-ai/.+", Enveloped[Task], Refusal),
    Expects("status", "GET", f"{API}/predictions/[^/]+/result", Enveloped[Task], Refusal),
)
