"""Signing in with Hugging Face on the whole program, as on a Space behind its proxy."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client.exceptions import AppError

from tests.end_to_end import assistant
from tests.end_to_end.program import Playground, free_port
from tests.end_to_end.test_programs import ENDPOINTS
from tests.identity import Provider, follow, serving, tls

pytestmark = pytest.mark.skipif(
    "EVERY_TEST" not in os.environ, reason="starts a program of its own; .ci/run sets EVERY_TEST"
)
WISH = {"prompt": "hills", "width": 256, "height": 256}


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with serving(Provider()) as served:
        yield served


class Space:
    """The program on a Space, and whoever visits it through TLS."""

    def __init__(self, folder: Path, provider: Provider, port: int, **environment: str) -> None:
        self.provider = provider
        self.address = f"https://localhost:{port}"
        space = provider.environment(f"localhost:{port}") | {"SRPO_PUBLIC_SPENDING": "1"}
        self.program = Playground(folder, **(space | environment))

    def sign_in(self, subject: str, name: str) -> dict[str, str]:
        """Return the header of somebody who signed in."""
        self.provider.user = (subject, name)
        with httpx.Client(base_url=self.address, verify=False) as browser:
            there = httpx.get(follow(browser.get("/login/huggingface")))
            assert follow(browser.get(follow(there))) == "/"
            return {"cookie": f"session={browser.cookies['session']}"}

    def history(self, headers: dict[str, str]) -> Any:
        return self.program.client(headers=headers).predict(api_name="/history")


@pytest.fixture(scope="module")
def space(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    folder, port = tmp_path_factory.mktemp("space"), free_port()
    made = Space(folder, provider, port)
    with ExitStack() as stack:
        stack.callback(made.program.kill)
        stack.enter_context(tls(folder, made.program.port, port))
        yield made


def test_what_a_user_makes_is_the_users_by_every_way(space: Space) -> None:
    """REST and tools, with the cookie; another user and a stranger see nothing of it."""
    ann, bob = space.sign_in("64f0aa", "ann"), space.sign_in("99bbcc", "bob")
    client = space.program.client(headers=ann)
    client.predict(**WISH, api_name="/text_to_image")
    tool = "playground_text_to_image"  # on a Space its name comes first
    asyncio.run(assistant.call(space.program.address, tool, WISH, ann))
    assert len(space.history(ann)) == 2
    (job, _) = client.predict(api_name="/jobs")
    _, said = asyncio.run(assistant.call(space.program.address, "playground_history", {}, ann))
    assert job["entry_id"] in " ".join(one.text for one in said)
    assert space.history(bob) == []
    other = space.program.client(headers=bob)
    for endpoint in ("/job", "/cancel"):
        with pytest.raises(AppError, match="no such job"):
            other.predict(job["id"], api_name=endpoint)
    with pytest.raises(AppError, match="does not say whose"):
        space.history({})
    again = space.sign_in("64f0aa", "ann-renamed")
    assert len(space.history(again)) == 2


def test_the_access_token_is_nowhere(space: Space) -> None:
    """Not in what the server writes, shows or says."""
    ann = space.sign_in("64f0aa", "ann")
    space.program.client(headers=ann).predict(**WISH, api_name="/text_to_image")
    token = space.provider.tokens[-1]
    shown = "".join(
        httpx.get(space.program.address + path, headers=ann).text
        for path in ("/", "/config", "/gradio_api/info", "/gradio_api/startup-events")
    )
    written = [one for one in space.program.data.parent.rglob("*") if one.is_file()]
    assert len(written) > 3
    assert token not in shown + space.program.output + json.dumps(space.history(ann))
    assert not any(token.encode() in one.read_bytes() for one in written)


def test_the_button_is_no_endpoint(space: Space) -> None:
    """What signs in and out is the page's, not the API's."""
    named = httpx.get(space.program.address + "/gradio_api/info").json()["named_endpoints"]
    assert set(named) == {f"/{name}" for name in ENDPOINTS}


@pytest.mark.parametrize("secret", ["", "  "])
def test_without_a_secret_no_session_is_believed(
    provider: Provider, tmp_path: Path, secret: str
) -> None:
    """Gradio would sign with what everybody can guess."""
    import hashlib
    from base64 import b64encode

    from itsdangerous import TimestampSigner

    info = {"userinfo": {"sub": "64f0aa", "preferred_username": "ann"}, "expires_at": 9e9}
    data = b64encode(json.dumps({"oauth_info": info}).encode())
    key = hashlib.sha256(f"{secret}-v4".encode()).hexdigest()
    forged = {"cookie": f"session={TimestampSigner(key).sign(data).decode()}"}
    program = Space(tmp_path, provider, free_port(), OAUTH_CLIENT_SECRET=secret).program
    try:
        with pytest.raises(AppError, match="does not say whose"):
            program.client(headers=forged).predict(api_name="/history")
        parts = httpx.get(program.address + "/config").json()["components"]
        assert "loginbutton" not in {part["type"] for part in parts}
        assert httpx.get(program.address + "/login/huggingface").status_code in (403, 404)
    finally:
        program.kill()
