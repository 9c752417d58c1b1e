"""An OpenID provider and a TLS proxy on loopback, as the hub and a Space's front are.

Cookies of a login are `Secure`: a browser sends them through TLS only.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import urlencode

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.end_to_end.program import free_port

CLIENT_ID, CLIENT_SECRET = "a-space", "a-secret-of-the-space"


@dataclass
class Provider:
    """Signs in whoever `user` is, as (id, name), without asking."""

    port: int = field(default_factory=free_port)
    user: tuple[str, str] = ("64f0aa", "ann")
    refuses: bool = False
    """The user presses Cancel."""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    signer: RSAKey | None = None
    """What signs instead of the key that is published."""
    tokens: list[str] = field(default_factory=list)
    """The access tokens that were given out."""
    lives_s: int = 3600
    _codes: dict[str, tuple[tuple[str, str], str]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self, host: str) -> dict[str, str]:
        """Return the variables of a Space at `host` whose users sign in here."""
        return {
            "SYSTEM": "spaces",
            "SPACE_ID": "me/playground",
            "SPACE_HOST": host,
            "OAUTH_CLIENT_ID": CLIENT_ID,
            "OAUTH_CLIENT_SECRET": CLIENT_SECRET,
            "OAUTH_SCOPES": "openid profile",
            "OPENID_PROVIDER_URL": self.address,
        }

    async def discovery(self, request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.address,
                "authorization_endpoint": self.address + "/oauth/authorize",
                "token_endpoint": self.address + "/oauth/token",
                "userinfo_endpoint": self.address + "/oauth/userinfo",
                "jwks_uri": self.address + "/oauth/jwks",
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def authorize(self, request: Request) -> Response:
        asked = request.query_params
        answer = {"state": asked["state"]}
        if self.refuses:
            answer |= {"error": "access_denied", "error_description": "<script>1</script>"}
        else:
            answer["code"] = token_hex(8)
            self._codes[answer["code"]] = (self.user, asked["nonce"])
        sign = "&" if "?" in asked["redirect_uri"] else "?"
        return RedirectResponse(asked["redirect_uri"] + sign + urlencode(answer))

    async def token(self, request: Request) -> Response:
        async with request.form() as form:
            code = str(form["code"])
        if code not in self._codes:
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        (subject, name), nonce = self._codes.pop(code)
        now = int(time.time())
        claims = {
            "iss": self.address,
            "aud": CLIENT_ID,
            "sub": subject,
            "nonce": nonce,
            "iat": now,
            "exp": now + 300,
            "name": name.title(),
            "preferred_username": name,
            "profile": f"{self.address}/{name}",
            "picture": f"{self.address}/{name}.png",
        }
        self.tokens.append("hf_oauth_" + token_hex(20))
        return JSONResponse(
            {
                "access_token": self.tokens[-1],
                "token_type": "bearer",
                "expires_in": self.lives_s,
                "scope": "openid profile",
                "id_token": jwt.encode(
                    {"alg": "RS256", "kid": "one"}, claims, self.signer or self.key
                ),
            }
        )

    async def keys(self, request: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    def app(self) -> Starlette:
        answers: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "/.well-known/openid-configuration": self.discovery,
            "/oauth/authorize": self.authorize,
            "/oauth/jwks": self.keys,
        }
        routes = [Route(path, answer) for path, answer in answers.items()]
        return Starlette(routes=[*routes, Route("/oauth/token", self.token, methods=["POST"])])


@contextmanager
def serving(provider: Provider) -> Iterator[Provider]:
    """Serve a provider from a thread of its own."""
    config = uvicorn.Config(provider.app(), "127.0.0.1", provider.port, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield provider
    server.should_exit = True
    thread.join(10)


@contextmanager
def tls(folder: Path, target: int, port: int) -> Iterator[None]:
    """Pass what comes to `port` through TLS on to `target`, with a certificate of its own."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(_certificate(folder))
    ready, stop = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection("127.0.0.1", target)
        await asyncio.gather(_copy(reader, outer), _copy(inner, writer))

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        server = await asyncio.start_server(pass_on, "127.0.0.1", port, ssl=context)
        ready.set()
        await stop.wait()
        server.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    yield
    loops[0].call_soon_threadsafe(stop.set)
    thread.join(10)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


def _certificate(folder: Path) -> Path:
    """Write a certificate that signed itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    file: Path = folder / "localhost.pem"
    file.write_bytes(key.private_bytes(pem, form, plain) + made.public_bytes(pem))
    return file


def follow(answer: Any) -> str:
    """Return where a redirect leads."""
    assert answer.is_redirect, (answer.status_code, answer.text[:300])
    return str(answer.headers["location"])
