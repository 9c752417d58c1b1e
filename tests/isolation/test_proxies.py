"""README's lines for nginx and Caddy, as they stand there, in front of the running program."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.end_to_end.program import Playground, free_port
from tests.isolation.caller import Caller, Way, clicked, form
from tests.isolation.nginx import NGINX, Nginx

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
SECTION = README.split("\n## Behind a proxy\n")[1].split("\n## ")[0]
NAME = "play.example"
Front = Callable[[Playground, Path], Iterator[str]]

pytestmark = pytest.mark.skipif(
    "EVERY_TEST" not in os.environ, reason="starts the program twice; .ci/run sets EVERY_TEST"
)


def block(language: str) -> str:
    """Return README's lines in that language."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
    assert len(found) == 1, language
    return str(found[0])


def nginx(program: Playground, folder: Path) -> Iterator[str]:
    """Run README's server with a certificate of its own, on a port of its own."""
    if not NGINX or not shutil.which("openssl"):
        pytest.skip("there is no nginx or openssl (apt-get install nginx-light openssl)")
    address = f"127.0.0.1:{free_port()}"
    certificate, key = folder / "play.example.pem", folder / "play.example.key"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={NAME}".split()
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    lines = (
        block("nginx").replace("/etc/ssl/", f"{folder}/").replace("listen 443", f"listen {address}")
    )
    lines = lines.replace("127.0.0.1:7860", f"127.0.0.1:{program.port}")
    server = Nginx(folder, lines, check=f"https://{address}/healthz")
    yield address
    server.stop()


def caddy(program: Playground, folder: Path) -> Iterator[str]:
    """Run README's site with a certificate that Caddy signs itself."""
    if not shutil.which("caddy"):
        pytest.skip("there is no Caddy (apt-get install caddy)")
    port = free_port()
    options = "{\n admin off\n auto_https disable_redirects\n skip_install_trust\n}\n"
    lines = block("caddy").replace("127.0.0.1:7860", f"127.0.0.1:{program.port}")
    lines = lines.replace(
        f"{NAME} {{", f"{NAME}:{port} {{\n    bind 127.0.0.1\n    tls internal", 1
    )
    (folder / "Caddyfile").write_text(options + lines)
    home = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}
    command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
    with (folder / "said.txt").open("wb") as said:
        process = subprocess.Popen(command, env=os.environ | home, stderr=said, stdout=said)
    try:
        end = time.monotonic() + 30
        while "certificate obtained successfully" not in (folder / "said.txt").read_text():
            assert process.poll() is None and time.monotonic() < end, (
                folder / "said.txt"
            ).read_text()
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize("front", [nginx, caddy], ids=["nginx", "caddy"])
def test_what_readme_says_of_a_proxy_works(front: Front, tmp_path: Path) -> None:
    """Links are https, events are streamed, 15 MB come in, and nobody is this machine's owner."""
    settings = dict(line.split("=", 1) for line in block("ini").split())
    program = Playground(tmp_path / "play", SRPO_SANDBOX_LATENCY="3", **settings)
    folder = tmp_path / "front"
    folder.mkdir()
    try:
        for address in front(program, folder):
            way = Way(f"https://{address}", headers={"Host": NAME}, name=NAME)
            visitor = Caller(way, token="a" * 32)
            assert visitor.config["root"] == f"https://{NAME}"
            said = visitor.event("show_1", form(visitor, "show_1", {"srpo-who": "a" * 32}))
            assert f"https://{NAME}/gradio_api/mcp/" in said
            assert "token" in visitor.ask("run", "jobs", {"state": ""})  # a stranger's answer
            stored = visitor.upload(b"\x89PNG" + os.urandom(15_000_000))
            assert Path(stored["path"]).stat().st_size == 15_000_004
            known = {"srpo-who": "a" * 32, "text-to-image-prompt": "a boat"}
            known |= {"text-to-image-backend": "wavespeed"}
            values = clicked(visitor, "generate", known, "wavespeed")
            began = time.monotonic()
            assert "data-state" in visitor.event("generate", values)
            assert time.monotonic() - began < 2.5  # the sandbox takes longer
            visitor.close()
    finally:
        program.kill()


def test_people_sign_in_through_a_proxy(tmp_path: Path) -> None:
    """The login page, the cookie and the page behind it, over HTTPS."""
    settings = dict(line.split("=", 1) for line in block("ini").split())
    program = Playground(tmp_path / "play", SRPO_AUTH="ann:one", **settings)
    folder = tmp_path / "front"
    folder.mkdir()
    try:
        for address in nginx(program, folder):
            way = Way(f"https://{address}", headers={"Host": NAME}, name=NAME)
            nobody = Caller(way)
            assert "auth_required" in nobody.get("/").text
            assert nobody.get("/config").status_code == 401
            ann = Caller(way, sign_in=("ann", "one"))
            assert ann.config["root"] == f"https://{NAME}"
            assert ann.ask("call", "jobs", {"state": ""}).endswith("data: [[]]\n\n")
            nobody.close()
            ann.close()
    finally:
        program.kill()
