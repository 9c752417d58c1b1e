"""A real Chromium on a real process; skipped, with the reason, where there is none.

What belongs to one visitor is kept apart by the browser's token, as on a public host: every test
visits a host name of its own, which the browser maps to this machine.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.visitor import Visitor
from tests.end_to_end.program import Playground

CHROMIUM = Path("/usr/bin/chromium")
SWITCHES = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update "
    "--host-resolver-rules=MAP|*.test|127.0.0.1,MAP|evil.example|127.0.0.1 "
    # As browsers that let any page ask this machine: the server must hold without their help.
    "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests"
)
DESKTOP = (1440, 900)
PUBLIC = {"SRPO_HOSTS": "*.test", "SRPO_PUBLIC_SPENDING": "1"}
"""The names that the visitors use, and paid backends are open to them."""
numbers = itertools.count(1)

Visit = Callable[..., Visitor]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and (reason := _missing()):
            item.add_marker(pytest.mark.skip(reason=reason))


def _missing() -> str:
    if not CHROMIUM.exists():
        return f"there is no {CHROMIUM} (apt-get install chromium)"
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "playwright is not installed (requirements-dev.txt)"
    return ""


# Not for the session: Playwright keeps a loop running, and later tests start loops of their own.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=20_000)
    switches = [switch.replace("|", " ") for switch in SWITCHES.split()]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=switches)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    program = Playground(tmp_path_factory.mktemp("browser"), SRPO_SANDBOX_LATENCY="1.0", **PUBLIC)
    yield program
    program.kill()


@pytest.fixture
def visit(chromium: Any, playground: Playground, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """Opens the page as a visitor nobody knows; nothing may go wrong or be fetched elsewhere."""
    contexts, troubles = [], []
    host = f"v{next(numbers)}-{re.sub('[^a-z]+', '-', request.node.name)[:40].strip('-')}.test"

    def arrive(
        *,
        size: tuple[int, int] = DESKTOP,
        theme: str = "light",
        home: bool = False,
        locale: str = "en-US",
        at: Playground = playground,
    ) -> Visitor:
        address = f"http://{'127.0.0.1' if home else host}:{at.port}"
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            reduced_motion="reduce",
            locale=locale,
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        context.on("weberror", lambda error: troubles.append(f"script: {error.error}"))
        context.on("request", lambda asked: troubles.extend(_elsewhere(asked.url, address)))
        return Visitor(context, f"{address}/?__theme={theme}").open()

    yield arrive
    for context in contexts:
        context.close()
    assert not troubles


@pytest.fixture
def visitor(visit: Visit) -> Visitor:
    return visit()


def _elsewhere(url: str, address: str) -> list[str]:
    own = url.startswith((address + "/", "data:", f"blob:{address}/"))
    return [] if own else [f"asked for {url}"]
