"""With SRPO_AUTH: nothing without a login, and what one user makes no other user meets."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client.exceptions import AppError

from tests.end_to_end import assistant
from tests.end_to_end.program import Playground


@pytest.mark.skipif(
    "EVERY_TEST" not in os.environ, reason="starts a program of its own; .ci/run sets EVERY_TEST"
)
def test_users_sign_in_and_do_not_meet(tmp_path: Path) -> None:
    """Pages, endpoints, tools and uploads want a login; histories and jobs are apart."""
    program = Playground(tmp_path, SRPO_AUTH="ann:one,bob:two")
    wish = {"prompt": "hills", "width": 256, "height": 256}
    try:
        assert statuses(program.address) == {401}
        _, said = asyncio.run(assistant.call(program.address, "text_to_image", wish))
        assert "login" in said[0].text
        with pytest.raises(Exception, match="Could not login"):
            program.client(auth=("ann", "two"))
        ann, bob = (program.client(auth=pair) for pair in (("ann", "one"), ("bob", "two")))
        ann.predict(**wish, api_name="/text_to_image")
        (entry,) = ann.predict(api_name="/history")
        (job,) = ann.predict(api_name="/jobs")
        assert bob.predict(api_name="/history") == bob.predict(api_name="/jobs") == []
        for endpoint in ("/job", "/cancel"):
            with pytest.raises(AppError, match="no such job"):
                bob.predict(job["id"], api_name=endpoint)
        assert ann.predict(job["id"], api_name="/job")["entry_id"] == entry["id"]
        only_the_signed_in_see(program.address, entry["file"])
    finally:
        program.kill()


def only_the_signed_in_see(address: str, image: str) -> None:
    """An image's address opens after a login alone, and no foreign page ends that login."""
    path = "/" + image.removeprefix(address).lstrip("/")
    outside = httpx.get(address + path)
    assert (outside.status_code, outside.text) == (401, httpx.get(f"{address}/media/a/b/c/d").text)
    with httpx.Client(base_url=address) as ann:
        ann.post("/login", data={"username": "ann", "password": "one"})
        assert ann.get(path).headers["content-type"].startswith("image/")
        for foreign in ({}, {"Referer": "http://evil.test/"}, {"Sec-Fetch-Site": "cross-site"}):
            assert ann.get("/logout", headers=foreign).status_code == 403
            assert ann.get(path).status_code == 200
        assert ann.get("/logout", headers={"Referer": f"{address}/"}).status_code == 302
        assert ann.get(path).status_code == 401


def statuses(address: str) -> set[int]:
    """Return the statuses that somebody without a login gets."""
    seen = {httpx.get(address + path).status_code for path in ("/config", "/gradio_api/info")}
    for endpoint in ("call/text_to_image", "run/history", "call/v2/history", "queue/join"):
        body: dict[str, Any] = {"data": ["x"], "prompt": "x"}
        seen.add(httpx.post(f"{address}/gradio_api/{endpoint}", json=body).status_code)
    files = {"files": ("a.txt", b"x")}
    return seen | {httpx.post(f"{address}/gradio_api/upload", files=files).status_code}
