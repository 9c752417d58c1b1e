"""A key never gets out: not by logs, exceptions, prints, pickles or crash dumps."""

from __future__ import annotations

import asyncio
import base64
import copy
import io
import json
import logging
import pickle
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from backends import Settings
from core import redact
from tests.backends.services import siraya, wavespeed

CANARY = "f3a9CANARY7c21b64e"
PASSWORD = "p@ss'CANARY\nword"
ROOT = Path(__file__).parents[2]


def settings() -> Settings:
    return Settings(
        wavespeed_api_key=CANARY,
        siraya_api_key="sk-CANARYCANARYCANARY",
        srpo_auth="ann:secretCANARY,bob:x",
        database_url="postgresql://srpo:pg%21CANARY@db.example/srpo",
        _env_file=None,
    )  # type: ignore[call-arg, arg-type]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything any logger says, at the lowest level."""
    factory, hook, streams = logging.getLogRecordFactory(), sys.excepthook, (sys.stdout, sys.stderr)
    root, said = logging.getLogger(), io.StringIO()
    handler, level = logging.StreamHandler(said), root.level
    addresses = Settings(
        wavespeed_base_url="https://me:urlCANARY@ws.example/",
        siraya_base_url="https://si.example/v1?api_key=qCANARY1",
        _env_file=None,
    )  # type: ignore[call-arg]
    redact.install([*settings().secrets(), *addresses.secrets(), PASSWORD])
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield said
    root.removeHandler(handler)
    root.setLevel(level)
    logging.setLogRecordFactory(factory)
    sys.excepthook = hook
    sys.stdout, sys.stderr = streams


SAYINGS: dict[str, Callable[[logging.Logger], None]] = {
    "message": lambda log: log.warning(f"sent {CANARY}"),
    "argument": lambda log: log.warning("sent %s twice, %d", CANARY, 3),
    "mapping": lambda log: log.warning("sent %(key)s", {"key": CANARY}),
    "object": lambda log: log.warning("sent %s", {"headers": [CANARY]}),
    "not a text": lambda log: log.warning({"key": CANARY}),
    "two halves": lambda log: log.warning("%s%s", CANARY[:9], CANARY[9:]),
    "bytes": lambda log: log.warning("sent %r", CANARY.encode()),
    "repr of a text": lambda log: log.warning("sent %r", PASSWORD),
    "bearer": lambda log: log.warning("Authorization: Bearer abc.CANARY.def"),
    "shape": lambda log: log.warning("key sk-proj-CANARY-0123456789"),
    "password of the database": lambda log: log.warning("connecting with pg!CANARY"),
    "password of a user": lambda log: log.warning("ann said secretCANARY"),
    "percent signs": lambda log: log.warning("GET /?key=%s", "p%40ss%27CANARY%0aword"),
    "form": lambda log: log.warning("body %s", "password=p%40ss%27CANARY%0Aword+"),
    "JSON": lambda log: log.warning(json.dumps({"password": PASSWORD})),
    "a page": lambda log: log.warning("<b>p@ss&#x27;CANARY\nword</b>"),
    "a header of its own": lambda log: log.warning("Basic %s", encoded("ann:" + CANARY)),
    "base64 of more": lambda log: log.warning(encoded(f"{{'a': '{CANARY}', 'b': 1}}")),
    "base64 for addresses": lambda log: log.warning(encoded("??>" + CANARY + "??", "-_")),
    "password of a base address": lambda log: log.warning("https://me:urlCANARY@ws.example/"),
    "key in a base address": lambda log: log.warning("at https://si.example/v1?api_key=qCANARY1"),
    "stack": lambda log: log.warning("here", stack_info=True),
}


@pytest.mark.parametrize("saying", SAYINGS)
def test_no_logger_says_a_key(log: io.StringIO, saying: str) -> None:
    """Whichever logger, however the key gets into the record."""
    SAYINGS[saying](logging.getLogger(f"some.library.{len(saying)}"))
    assert log.getvalue()
    assert "CANARY" not in log.getvalue().replace("test_redact", "")
    for name in (CANARY, "prefix" + CANARY):
        for sign in range(3):
            middle = base64.b64encode(b"x" * sign + name.encode()).decode()[8:-8]
            assert middle not in log.getvalue()


def encoded(text: str, signs: str = "+/") -> str:
    return base64.b64encode(text.encode(), signs.encode()).decode()


def test_a_secret_is_masked_while_it_is_held() -> None:
    """A visitor's key comes and goes; what is let go of is not remembered for its sake."""
    mask = redact.Redactor(["first-secret"])
    mask.add("second-secret")
    mask.add("second-secret")
    mask.remove("second-secret")
    assert mask("first-secret second-secret") == "[key] [key]"
    mask.remove("second-secret")
    assert mask("first-secret second-secret") == "[key] second-secret"
    assert not any("second" in str(value) for value in vars(mask).values())


AWKWARD = "p@ss'wörd \"X&1\\"


@pytest.mark.parametrize(
    "written",
    [
        str(httpx.URL("https://h/").copy_with(username="ann", password=AWKWARD)),
        str(httpx.URL(f"https://h/?k={AWKWARD.replace('&', '%26')}")),
        str(httpx.URL("https://h/", params={"k": AWKWARD})),
        "p@ss&#39;wörd &quot;X&amp;1\\",
        "p@ss&apos;wörd &quot;X&amp;1\\",
        json.dumps(json.dumps({"password": AWKWARD})),
        json.dumps(repr({"password": AWKWARD})),
        repr([AWKWARD.encode()]),
        ascii(AWKWARD),
        'p@ss\\u0027w\\u00f6rd \\"X\\u00261\\\\',
    ],
)
def test_no_usual_way_of_writing_hides_a_secret(written: str) -> None:
    """Each program that hands it on puts other signs in place of the awkward ones."""
    masked = redact.Redactor([AWKWARD])(f"before {written} after")
    assert "[key]" in masked and "p@" not in masked and "X" not in masked
    assert masked.startswith("before ") and masked.endswith(" after")


def test_a_secret_across_the_end_of_another_is_masked_whole() -> None:
    """Of two that overlap nothing is left over."""
    mask = redact.Redactor(["abcdefgh", "defghijklmn", "abcdef"])
    assert mask("1 abcdefghijklmn 2 abcdefgh 3") == "1 [key] 2 [key] 3"


@pytest.mark.slow
def test_many_secrets_make_no_text_slow() -> None:
    """Visitors bring keys of their own; the time is that of a few hundred letters, not of keys."""
    mask = redact.Redactor()
    began = time.process_time()
    for number in range(2000):
        mask.add(f"key-of-a-visitor-{number:05}")
    line = "GET https://api.example/v1/predictions/0123456789 key-of-a-visitor-01999 " * 5
    for _ in range(100):
        assert mask(line).count("[key]") == 5
    for number in range(2000):
        mask.remove(f"key-of-a-visitor-{number:05}")
    assert time.process_time() - began < 10
    assert mask(line) == line


def test_ordinary_words_are_left_alone() -> None:
    """Three letters of base64 would be found anywhere."""
    mask = redact.Redactor(["ab", "abcdef", ""])
    assert mask("a tab and a cab, YWJj") == "a tab and a cab, YWJj"


def test_every_secret_setting_is_known() -> None:
    """A field that is added later cannot be forgotten."""
    secret = [
        name
        for name, field in Settings.model_fields.items()
        if "SecretStr" in str(field.annotation)
    ]
    assert len(secret) >= 6
    for name in secret:
        value = "ann:CANARY-of-ann" if name == "srpo_auth" else f"CANARY-of-{name}"
        known = Settings(**{name: value}, _env_file=None).secrets()
        assert any("CANARY-of-" in one for one in known), name


def test_an_exception_in_a_log_says_no_key(log: io.StringIO) -> None:
    """Neither its text nor that of its cause, nor the lines of source around it."""
    try:
        try:
            raise ValueError(f"no good: {CANARY}")
        except ValueError as error:
            raise RuntimeError(f"header {CANARY}") from error
    except RuntimeError:
        logging.getLogger("library").exception("it failed")
    assert "no good: [key]" in log.getvalue()
    assert CANARY not in log.getvalue()


def test_what_is_no_secret_stays_as_it_is(log: io.StringIO) -> None:
    """Numbers stay numbers for `%d`, arguments keep their count for formatters that unpack them."""
    logger = logging.getLogger("uvicorn.access")
    logger.info('%s - "%s %s" %d', "127.0.0.1", "GET", "/?bearer", 200)
    logger.info("no arguments at 100%")
    odd = logging.getLogRecordFactory()("n", 20, "p", 1, "%s %s", ("only one",), None)
    assert odd.args == ("only one",)
    assert '127.0.0.1 - "GET /?bearer" 200' in log.getvalue()
    assert "no arguments at 100%" in log.getvalue()
    record = logging.getLogRecordFactory()("n", 20, "p", 1, "%s %s", ("/?k=" + CANARY, 7), None)
    assert record.args == ("/?k=[key]", 7)


def test_the_services_client_logs_no_key(log: io.StringIO) -> None:
    """httpx and httpcore at their most talkative, on good days and bad ones."""

    async def ask(answer: Callable[[httpx.Request], httpx.Response]) -> None:
        for build in (wavespeed, siraya):
            backend = build(httpx.MockTransport(answer), CANARY)
            try:
                await backend._api.ask("GET", f"/balance?key={CANARY}")
            except Exception:
                logging.getLogger("ours").exception("asked in vain")
            await backend.aclose()

    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError(f"lost {request.headers}", request=request)

    asyncio.run(ask(lambda request: httpx.Response(200, json=dict(request.headers))))
    asyncio.run(ask(fail))
    assert "HTTP Request: GET" in log.getvalue()
    assert CANARY not in log.getvalue()


def test_an_error_nobody_awaited_says_no_key(log: io.StringIO) -> None:
    """asyncio reports it through a logger when the task is thrown away."""

    async def main() -> None:
        async def fail() -> None:
            raise ValueError(CANARY)

        task = asyncio.create_task(fail())
        await asyncio.sleep(0)
        del task

    asyncio.run(main())
    assert "never retrieved" in log.getvalue()
    assert CANARY not in log.getvalue()


def test_settings_never_show_a_key() -> None:
    """Their text, their JSON, their copies; a pickle is refused, as it would hold them in clear."""
    made = settings()
    shown = [repr(made), str(made), made.model_dump_json(), repr(copy.deepcopy(made))]
    shown += [repr(made.model_dump()), repr(vars(made)), f"{made}"]
    assert "CANARY" not in "".join(shown)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(made)
    assert made.database.endswith("@db.example/srpo")
    assert {CANARY, "pg!CANARY", "pg%21CANARY", "secretCANARY"} <= set(made.secrets())


def test_backends_never_show_a_key() -> None:
    """Whatever prints a backend, its client or its engine prints no key."""

    def refuse(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(404)

    for backend in (
        wavespeed(httpx.MockTransport(refuse), CANARY),
        siraya(httpx.MockTransport(refuse), CANARY),
    ):
        parts = [backend, backend._api, backend._api._client, getattr(backend, "_engine", "")]
        assert CANARY not in "".join(repr(part) for part in parts)
        assert CANARY not in repr(backend._api._client.headers)


PROGRAM = f"""
import asyncio, faulthandler, sys, threading, traceback, warnings
sys.path.insert(0, {str(ROOT)!r})
from core import redact
from backends import Settings
KEY = sys.stdin.read()
redact.install(Settings(wavespeed_api_key=KEY, _env_file=None).secrets())
def fail(): raise ValueError("bad key " + KEY)
print("printed", KEY)
warnings.warn("warned of " + KEY)
try: fail()
except ValueError: traceback.print_exc()
thread = threading.Thread(target=fail); thread.start(); thread.join()
class Broken:
    def __del__(self): fail()

Broken()
faulthandler.dump_traceback(file=sys.__stderr__)
print(open("/proc/self/cmdline").read() if sys.platform == "linux" else "")
fail()
"""


@pytest.mark.slow
def test_a_program_that_breaks_says_no_key(tmp_path: Path) -> None:
    """Prints, warnings, threads, destructors, the last traceback, a crash dump, the arguments."""

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=CANARY,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert CANARY not in said
    assert said.count("bad key [key]") == 4
    assert "printed [key]" in said
    assert "warned of [key]" in said
    assert "most recent call first" in said


def test_a_stream_is_still_a_stream() -> None:
    """Whatever else is asked of it, the console answers."""
    inner = io.StringIO()
    stream = redact._Cleaned(inner, redact.Redactor([CANARY]))
    threads = [threading.Thread(target=stream.write, args=(f"a {CANARY}\n",)) for _ in range(3)]
    for thread in threads:
        thread.start()
        thread.join()
    stream.writelines(["x\n", CANARY])
    stream.flush()
    assert inner.getvalue() == "a [key]\n" * 3 + "x\n[key]"
    assert stream.isatty() is False


@pytest.mark.parametrize(
    "text",
    [
        "https://api.wavespeed.ai/api/v3?x=1",
        "ftp://user:word@10.0.0.1/a",
        "queue.fal.run",
        "image.siraya.pro:8443/v1",
        "me@mail.example.com",
        "10.20.30.40:8900",
        "localhost:8900/x",
        "[fe80::1]:80",
        "data:image/png;base64,AAAA",
    ],
)
def test_an_address_is_not_shown_to_others(text: str) -> None:
    """Alone, in a sentence, in brackets; what only looks a little like one stays."""
    assert redact.without_addresses(f"See {text} (or {text}).").count("[address]") == 2
    for part in re.findall(r"[a-z0-9]{3,}", text):
        assert part not in redact.without_addresses(f"See {text} now.").replace("[address]", "")


@pytest.mark.parametrize(
    "text",
    [
        "FLUX.1 [dev] took 0.31 s and cost $0.025.",
        "WaveSpeed did not answer in time. Check WAVESPEED_API_KEY and restart.",
        "The image is 512 × 512; and 256 × 256 was asked for (status 404).",
    ],
)
def test_a_sentence_without_an_address_stays_as_it_is(text: str) -> None:
    """Versions, prices and settings are no hosts."""
    assert redact.without_addresses(text) == text
