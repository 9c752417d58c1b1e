"""WaveSpeed's protocol under `/api/v3`: the list of jobs, deleting, the balance, prices."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.faults.kinds import Exchange
from sandbox.ledger import Job
from sandbox.schemas import BodyError, read_object
from sandbox.state import Sandbox, account_of
from sandbox.wavespeed import PRICES, guarded, refuse, sandbox_of, success, task


def routes() -> list[Route]:
    """Return the routes without their prefix."""
    return [
        Route("/predictions", guarded(listing), methods=["POST"]),
        Route("/predictions/delete", guarded(delete_many), methods=["POST"]),
        Route("/predictions/{id}", guarded(delete), methods=["DELETE"]),
        Route("/balance", guarded(balance), methods=["GET"]),
        Route("/model/price", guarded(price), methods=["POST"]),
    ]


async def delete(request: Request) -> Response:
    """Forget one job; it keeps running and its image stays."""
    sandbox = sandbox_of(request)
    sandbox.ledger.counters.deletes += 1
    name = request.path_params["id"]
    if name not in sandbox.ledger.jobs:
        return refuse(404, "Prediction not found")
    sandbox.ledger.deleted.add(name)
    return success({"id": name, "status": "deleted"})


async def delete_many(request: Request) -> Response:
    """Forget several jobs; ids that nobody knows are passed over."""
    sandbox = sandbox_of(request)
    sandbox.ledger.counters.deletes += 1
    names = (await read_object(request)).get("ids")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BodyError("Invalid value for 'ids': must be a list of ids", "ids")
    known = set(names) & set(sandbox.ledger.jobs) - sandbox.ledger.deleted
    sandbox.ledger.deleted |= known
    return success({"deleted_count": len(known)})


async def balance(request: Request) -> Response:
    """US dollars left."""
    return _told(request, {"balance": sandbox_of(request).balance})


async def price(request: Request) -> Response:
    """What one run of a model costs."""
    model = (await read_object(request)).get("model_id")
    if not isinstance(model, str) or model not in PRICES:
        return refuse(404, "Model not found")
    price = PRICES[model]
    return _told(request, {"price": price, "discounted_price": price, "currency": "USD"})


def _told(request: Request, told: dict[str, Any]) -> Response:
    good, fault = success(told), sandbox_of(request).strikes_account("account")
    return fault.act(Exchange(request, good, refuse)) if fault else good


async def listing(request: Request) -> Response:
    """The account's jobs, newest first, a page at a time, without their inputs."""
    sandbox = sandbox_of(request)
    sandbox.ledger.counters.lists += 1
    query = await read_object(request)
    page, size = query.get("page", 1), query.get("page_size", 100)
    if type(page) is not int or type(size) is not int or page < 1 or not 1 <= size <= 100:
        raise BodyError("Invalid value for 'page' or 'page_size'")
    mine = ("", account_of(request))  # strangers use the same key, whichever it is
    jobs = [
        job
        for job in reversed(sandbox.ledger.jobs.values())
        if job.account in mine and _listed(sandbox, job, query)
    ]
    shown = jobs[(page - 1) * size : page * size]
    items = [await task(request, job) for job in shown]
    good = success({"page": page, "items": items, "total": len(jobs)})
    fault = sandbox.strikes_account("list")
    return fault.act(Exchange(request, good, refuse)) if fault else good


def _listed(sandbox: Sandbox, job: Job, query: dict[str, Any]) -> bool:
    status = "deleted" if job.id in sandbox.ledger.deleted else job.state().status
    # The time as clients were told it, in whole microseconds: a bound taken from it includes it.
    told = datetime.fromtimestamp(job.t, UTC).timestamp()
    return (
        status != "deleted"
        and query.get("model") in (None, "", job.order.model)
        and query.get("status") in (None, "", status)
        and _moment(query, "created_after", 0.0) <= told <= _moment(query, "created_before", 1e12)
    )


def _moment(query: dict[str, Any], name: str, default: float) -> float:
    text = query.get(name)
    if not text:
        return default
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise BodyError(f"Invalid value for '{name}': must be an ISO 8601 time", name) from error
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
