"""The faults by name. To add one, add one entry to one of the tables below.

`submit_*` spoils the answer to a request for an image; where it could be billed or not there
is a twin `submit_*_billed`. `poll_*` spoils an answer to "is it done", `result_*` the one that
would have said yes, `run_*` is how the job itself ends, `outputs_*` is where its image is
said to be, `download_*` spoils the image's way home, `account_*` the balance and the prices,
`list_*`, `upload_*`, `put_*` the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from sandbox.faults import spoiled_results
from sandbox.faults.broken_transport import Broken, Hang, SlowHead, Trickle
from sandbox.faults.kinds import Fault, Mishap, Outcome, Swap
from sandbox.faults.spoiled_answers import (
    called,
    data,
    delay_page,
    html,
    in_200,
    later_date,
    other,
    page,
    payload,
    raw,
    redirect,
    refuse,
    task_with,
    truncated,
    with_status,
)

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"
METADATA = "http://169.254.169.254/latest/meta-data/iam"
BUSY = "You have reached your concurrency limit. Please try again later."

# Answers that are good but for what no page says of them; a field of the same name is not in all.
MORE = other(more={"region": "eu-1", "cost": 0.025})
RENAMED = other(names={"timings": "times", "queue_position": "position", "created": "made_at"})

# Refused for good: nothing was made, nothing charged, and asking again changes nothing.
REFUSALS: dict[str, Fault] = {
    "submit_400": Fault("submit", refuse(400, "Invalid value for size"), None),
    "submit_400_credit": Fault("submit", refuse(400, "Insufficient credits. Top up."), None),
    "submit_400_in_200": Fault("submit", in_200(400, "Invalid value for size"), None),
    "submit_401": Fault("submit", refuse(401, "Invalid API key"), None),
    "submit_401_hostile": Fault("submit", refuse(401, HOSTILE), None),
    "submit_402": Fault("submit", refuse(402, "Insufficient balance"), None),
    "submit_402_in_200": Fault("submit", in_200(402, "Insufficient balance"), None),
    "submit_403": Fault("submit", refuse(403, "Content flagged as potentially unsafe"), None),
    "submit_404": Fault("submit", refuse(404, "Model not found"), None),
    "submit_413": Fault("submit", refuse(413, "Request body too large"), None),
    "submit_422": Fault("submit", refuse(422, "content_policy_violation"), None),
    "submit_redirect": Fault("submit", redirect("https://login.example/"), None),
}

# Throttled: nothing was made, and it may be sent again after a while.
THROTTLES: dict[str, Fault] = {
    "submit_429": Fault("submit", refuse(429, BUSY)),
    "submit_429_retry_after": Fault("submit", refuse(429, BUSY, retry_after="1")),
    "submit_429_retry_date": Fault("submit", later_date(429, BUSY, seconds=2)),
    "submit_429_retry_huge": Fault("submit", refuse(429, BUSY, retry_after="86400")),
    "submit_429_retry_bad": Fault("submit", refuse(429, BUSY, retry_after="soon")),
}

# Unclear to the client: each exists unbilled and, as `submit_..._billed`, billed.
UNCLEAR: dict[str, Fault] = {
    "submit_500": Fault("submit", refuse(500, "Internal server error")),
    "submit_502": Fault("submit", refuse(502, "Bad gateway")),
    "submit_503": Fault("submit", refuse(503, "Service unavailable")),
    "submit_504": Fault("submit", refuse(504, "Gateway timeout")),
    "submit_502_html": Fault("submit", page(502)),
    "submit_504_html": Fault("submit", page(504)),
    "submit_504_html_late": Fault("submit", delay_page(504, seconds=2)),
    "submit_html": Fault("submit", html),
    "submit_empty": Fault("submit", raw(b"")),
    "submit_truncated": Fault("submit", truncated),
    "submit_no_id": Fault("submit", payload("data", "empty")),
    "submit_null": Fault("submit", raw(b"null")),
    "submit_reset": Fault("submit", lambda _: Broken(None)),
    "submit_closed": Fault("submit", lambda _: Broken(None, cut="close")),
    "submit_hang": Fault("submit", lambda _: Hang()),
    "submit_slow_head": Fault("submit", lambda _: SlowHead()),
    "submit_reset_stranger": Fault("submit", lambda _: Broken(None), strangers=1),
}

# Billed only: they need an accepted job to be spoilt.
ACCEPTED: dict[str, Fault] = {
    "submit_reset_half_billed": Fault("submit", lambda x: Broken(x.good), billed=True),
    "submit_500_with_task_billed": Fault(
        "submit", lambda x: spoiled_results.status(x, 500), billed=True
    ),
    "submit_older_id_billed": Fault("submit", lambda x: data(x, id=x.older_id), billed=True),
    "submit_bare": Fault("submit", spoiled_results.bare, None, billed=True),
    "submit_more_fields_billed": Fault("submit", MORE, billed=True),
    "submit_renamed_field_billed": Fault("submit", RENAMED, billed=True),
    "submit_text_plain_billed": Fault("submit", called("text/plain"), billed=True),
    "submit_203_billed": Fault("submit", with_status(203), billed=True),
}

POLLS: dict[str, Fault] = {
    "poll_reset": Fault("poll", lambda _: Broken(None)),
    "poll_reset_half": Fault("poll", lambda x: Broken(x.good)),
    "poll_hang": Fault("poll", lambda _: Hang()),
    "poll_slow_head": Fault("poll", lambda _: SlowHead()),
    "poll_401": Fault("poll", refuse(401, "Invalid API key"), None),
    "poll_404": Fault("poll", refuse(404, "Prediction not found")),
    "poll_429": Fault("poll", refuse(429, BUSY)),
    "poll_429_retry_after": Fault("poll", refuse(429, BUSY, retry_after="1")),
    "poll_500": Fault("poll", refuse(500, "Internal server error"), 3),
    "poll_500_in_200": Fault("poll", in_200(500, "Internal server error")),
    "poll_502_html": Fault("poll", page(502)),
    "poll_503": Fault("poll", refuse(503, "Service unavailable")),
    "poll_504_html": Fault("poll", page(504)),
    "poll_html": Fault("poll", html),
    "poll_empty": Fault("poll", raw(b"")),
    "poll_truncated": Fault("poll", truncated),
    "poll_null": Fault("poll", raw(b"null")),
    "poll_no_data": Fault("poll", payload("data", "null")),
    "poll_bare": Fault("poll", spoiled_results.bare, None),
    "poll_huge": Fault("poll", spoiled_results.huge),
    "poll_deep": Fault("poll", raw(b"[" * 200_000 + b"]" * 200_000)),
    "poll_unknown_status": Fault("poll", task_with(status="queued", outputs=[]), 3),
    "poll_pending": Fault("poll", task_with(status="pending", outputs=[]), 3),
    "poll_other_id": Fault("poll", task_with(id="0" * 32)),
    "poll_odd_timings": Fault("poll", task_with(timings={"inference": -1}), None),
    "poll_more_fields": Fault("poll", MORE, 3),
    "poll_odd_status": Fault("poll", task_with(status="warming_up", outputs=[]), 3),
    "poll_text_plain": Fault("poll", called("text/plain"), 3),
    "poll_null_fields": Fault("poll", task_with(timings=None, has_nsfw_contents=None), None),
}

RESULTS: dict[str, Fault] = {
    "result_empty_outputs": Fault("result", task_with(outputs=[])),
    "result_null_outputs": Fault("result", task_with(outputs=None)),
    "result_more_fields": Fault("result", MORE, None),
    "result_missing_field": Fault("result", other(less=("created_at", "prompt")), None),
    "result_renamed_field": Fault("result", RENAMED, None),
    "result_203": Fault("result", with_status(203), None),
    "result_succeeded": Fault("result", task_with(status="succeeded"), None),
    "result_number_outputs": Fault("result", task_with(outputs=[7]), None),
    "result_bad_base64": Fault("result", task_with(outputs=["%%%not base64%%%"]), None),
    "result_500": Fault("result", refuse(500, "Internal server error"), 3),
    "result_reset": Fault("result", lambda _: Broken(None)),
}

CODES = (1200, 1400, 1401, 1402, 1403, 1405, 5000, 5003, 5004)
RUNS: dict[str, Outcome] = {
    **{f"run_failed_{code}": Outcome("failed", f"Task failed ({code})", code) for code in CODES},
    "run_failed": Outcome("failed", "Something went wrong"),
    "run_failed_silent": Outcome("failed"),
    "run_failed_hostile": Outcome("failed", HOSTILE, 1403),
    "run_cancelled": Outcome("cancelled"),
    "run_canceled": Outcome("canceled"),
    "run_timeout": Outcome("timeout", "The task took too long"),
    "run_deleted": Outcome("deleted"),
    "run_stuck": Outcome("processing"),
    "run_flagged": Outcome(flagged=True),
}

OUTPUTS: dict[str, Swap] = {
    "outputs_file_url": Swap(lambda _: "file:///etc/passwd"),
    "outputs_data_url": Swap(lambda _: "data:text/html,<script>alert(1)</script>"),
    "outputs_ftp_url": Swap(lambda _: "ftp://169.254.169.254/picture.jpeg"),
    "outputs_metadata_url": Swap(lambda _: METADATA),
    "outputs_metadata_mapped_url": Swap(lambda _: "http://[::ffff:a9fe:a9fe]/latest/meta-data/"),
    "outputs_private_url": Swap(lambda _: "http://10.0.0.1/picture.jpeg"),
    "outputs_loopback_url": Swap(spoiled_results.other_loopback),
    "outputs_userinfo_url": Swap(lambda _: "http://api.wavespeed.ai@127.0.0.1:9/picture.jpeg"),
    "outputs_hex_url": Swap(lambda _: "http://0x7f.1:9/picture.jpeg"),
    "outputs_broken_url": Swap(lambda _: "http://[not a host/image.jpeg"),
    "outputs_relative_url": Swap(lambda _: "/picture.jpeg"),
}

DOWNLOADS: dict[str, Fault] = {
    "download_reset": Fault("download", lambda x: Broken(x.good)),
    "download_reset_first": Fault("download", lambda _: Broken(None)),
    "download_short": Fault("download", lambda x: Broken(x.good, cut="close")),
    "download_hang": Fault("download", lambda _: Hang()),
    "download_slow_head": Fault("download", lambda _: SlowHead()),
    "download_trickle": Fault("download", lambda x: Trickle(x.good)),
    "download_endless": Fault("download", spoiled_results.endless, None),
    "download_length_10g": Fault("download", spoiled_results.boastful, None),
    "download_403": Fault("download", raw(b"<Error>expired</Error>", 403, "application/xml"), None),
    "download_404": Fault("download", raw(b"not yet", 404, "text/plain")),
    "download_429": Fault("download", raw(b"slow down", 429, "text/plain")),
    "download_500": Fault("download", raw(b"oops", 500, "text/plain"), 3),
    "download_502_html": Fault("download", page(502)),
    "download_html": Fault("download", html),
    "download_redirect_metadata": Fault("download", redirect(METADATA), None),
    "download_redirect_loopback": Fault("download", spoiled_results.redirect_loopback, None),
    "download_redirect_file": Fault("download", redirect("file:///etc/passwd"), None),
    "download_redirect_data": Fault("download", redirect("data:image/png;base64,"), None),
    "download_redirect_loop": Fault("download", redirect("?again"), None),
    "download_redirect_nowhere": Fault("download", redirect("http://[nowhere/"), None),
    "download_zero": Fault("download", raw(b"", media_type="image/jpeg")),
    "download_truncated": Fault("download", spoiled_results.truncated_picture),
    "download_corrupt": Fault("download", spoiled_results.corrupt),
    "download_noise": Fault("download", spoiled_results.noise),
    "download_wrong_type": Fault("download", spoiled_results.mislabelled, None),
    "download_larger": Fault("download", spoiled_results.larger, None),
    "download_svg": Fault("download", raw(spoiled_results.SVG, media_type="image/svg+xml"), None),
    "download_svg_as_png": Fault(
        "download", raw(spoiled_results.SVG, media_type="image/png"), None
    ),
    "download_bomb": Fault("download", spoiled_results.bomb, None),
    "download_gzip_bomb": Fault("download", spoiled_results.gzip_bomb, None),
}

LISTS: dict[str, Fault] = {
    "list_500": Fault("list", refuse(500, "Internal server error"), 3),
    "list_401": Fault("list", refuse(401, "Invalid API key"), None),
    "list_429": Fault("list", refuse(429, BUSY)),
    "list_html": Fault("list", html),
    "list_truncated": Fault("list", truncated),
    "list_reset": Fault("list", lambda _: Broken(None)),
    "list_hang": Fault("list", lambda _: Hang()),
    "list_empty": Fault("list", lambda x: data(x, items=[])),
    "account_500": Fault("account", refuse(500, "Internal server error"), None),
    "account_more_fields": Fault("account", MORE, None),
    "account_missing_field": Fault("account", other(less=("balance", "discounted_price")), None),
    "account_text_plain": Fault("account", called("text/plain"), None),
    "account_html": Fault("account", html, None),
    "upload_500": Fault("upload", refuse(500, "Internal server error")),
    "upload_413": Fault("upload", refuse(413, "File too large"), None),
    "upload_reset": Fault("upload", lambda _: Broken(None)),
    "put_403": Fault("put", raw(b"<Error>SignatureDoesNotMatch</Error>", 403, "application/xml")),
    "put_500": Fault("put", raw(b"<Error>InternalError</Error>", 500, "application/xml")),
    "put_reset": Fault("put", lambda _: Broken(None)),
}


def _billed(faults: Mapping[str, Fault]) -> dict[str, Fault]:
    return {f"{name}_billed": replace(fault, billed=True) for name, fault in faults.items()}


CATALOGUE: Mapping[str, Mishap] = MappingProxyType(
    {
        **REFUSALS,
        **THROTTLES,
        **UNCLEAR,
        **_billed(UNCLEAR),
        **ACCEPTED,
        **POLLS,
        **RESULTS,
        **RUNS,
        **OUTPUTS,
        **DOWNLOADS,
        **LISTS,
    }
)
