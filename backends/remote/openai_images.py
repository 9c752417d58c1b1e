"""Services that speak the OpenAI images API; how each differs is data in its `Dialect`.

The answer comes on the connection of the request and has no id: one that is lost is an image
lost, probably charged. So it is sent once, waited for long, and the image comes inside it.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from backends.remote import sandboxed
from backends.remote.client import LOOK, PICTURE_JSON_BYTES, Api, Form, warming
from backends.remote.downloads import AGAIN, Downloads, deadline_in, unpacked
from backends.remote.expectations import Expects, Shape, compared
from backends.remote.public_addresses import ForbiddenAddressError
from backends.remote.refusals import blocked, refusal
from backends.remote.responses import Answer
from core.backend import Heard
from core.code import Code, arguments, source_file
from core.code import fields as fields_of
from core.errors import BackendError, BadResponseError, RunTimeoutError
from core.events import Delivered, Event, Finished, Running
from core.params import Edit, Params, Task, TextToImage
from core.words import english

READ_S = 300.0
KEPT_S = 7 * 24 * 3600.0
"""How long an address in an answer is asked again; how long it lives is not documented."""
DOWNLOAD_S = 120.0
OWN_ADVICE = english("service-see-whether-engine-still-runs")


class Reason(Shape):
    """Why something was refused, in OpenAI's words."""

    message: str
    type: str | None = None
    param: str | None = None
    code: str | int | None = None


class Refusal(Shape):
    """An answer to what was not done."""

    error: Reason


class Image(Shape):
    """One image, inside the answer or at an address."""

    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str | None = None
    seed: int | None = None


class Images(Shape):
    """The answer with the images."""

    created: int
    data: list[Image] = Field(min_length=1)


class Models(Shape):
    """The models an engine has, each an object of its own making."""

    data: list[dict[str, Any]]
    object: str | None = None


def expected(images: type[Shape], refusal: type[Shape]) -> Sequence[Expects]:
    """Return what is expected of a service whose answers with images have this shape."""
    return (
        Expects("models", "GET", "/models", Models, refusal),
        Expects("image", "POST", "/images/(generations|edits)", images, refusal),
    )


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one service words the same idea; bodies are pure functions of model and params."""

    id: str
    label: str
    generation: Callable[[str, Any], dict[str, Any]]
    edit: Callable[[str, Any, str], dict[str, Any]]
    text: type[TextToImage]
    picture: type[Edit]
    multipart: bool = False
    """An edit goes as a form with a file, not as JSON with a data URI."""
    warms_up: bool = False
    """Status 503 means that the model is still loading; nothing was begun."""
    expected: Sequence[Expects] = expected(Images, Refusal)


@dataclass(frozen=True, slots=True)
class Engine:
    """One service to speak to: where, with which key and models, at what price."""

    base_url: str
    key: str | None = field(repr=False)
    model: str
    edit_model: str | None
    price_usd: float | None
    """Of one image; None when nobody knows."""
    max_concurrency: int
    max_per_minute: int | None = None
    latency_s: float = 2.0
    """Of the sandbox in its place."""
    own: bool = False
    """The operator's own engine: free, with or without a key, never replaced by the sandbox."""


CLIENT = """import base64
import os

from openai import OpenAI
from openai.types import ImagesResponse

client = OpenAI(base_url="{base}", api_key={key}, max_retries=0)
"""
WORDS = """done = client.images.generate(
{arguments}
)
"""
FORM = """done = client.images.edit(
{arguments}
)
"""
SOURCE = """with open("{file}", "rb") as file:
    source = "data:{media_type};base64," + base64.b64encode(file.read()).decode()
"""
JSON = """done = client.post(
    "{path}",
    body={{
{fields}
    }},
    cast_to=ImagesResponse,
)
"""
KEPT = """with open("image", "wb") as file:
    file.write(base64.b64decode(done.data[0].b64_json))
"""
PLACE = "<the source image>"
NAMED = ("model", "prompt", "n", "size", "response_format")
"""Arguments that OpenAI's client knows by name; others go along in `extra_body`."""


def _split(body: Mapping[str, Any], raw: Mapping[str, str] | None = None) -> str:
    """Write a body as the arguments of OpenAI's client."""
    named = {name: value for name, value in body.items() if name in NAMED}
    more = {name: value for name, value in body.items() if name not in NAMED and name != "image"}
    written = arguments(named, indent=4, raw=raw)
    if more:
        written += f"\n    extra_body={{\n{fields_of(more, indent=8)}\n    }},"
    return written


class OpenAIImages:
    """A service of one dialect, or the sandbox in its place; `transport` replaces the network."""

    priced_by: Sequence[str] = ()
    max_unanswered = None
    kept_s = KEPT_S

    def __init__(self, dialect: Dialect, engine: Engine, *, transport: Any = None) -> None:
        self.id, self.label = dialect.id, dialect.label
        self.key_setting = f"{dialect.id.upper().replace('-', '_')}_API_KEY"
        self._dialect, self._engine = dialect, engine
        self.sandbox = engine.key is None and not engine.own
        self.paid = not self.sandbox and not engine.own
        self.max_concurrency = engine.max_concurrency
        self.max_per_minute = engine.max_per_minute
        tasks: dict[Task, type[Params]] = {"text-to-image": dialect.text}
        if engine.edit_model or engine.own:
            tasks["image-to-image"] = dialect.picture
        self.tasks: Mapping[Task, type[Params]] = tasks
        base, secret = engine.base_url, engine.key
        if self.sandbox and transport is None:
            base, secret, transport = sandboxed.connect(engine.latency_s, "/v1")
        self._api = Api(self.label, base, secret, transport)
        self._downloads = Downloads(self.label, base, transport)

    def problem(self) -> str:
        """It is ready with a key, and without one as the sandbox; only the key can be wrong."""
        return self._api.problem

    def price(self, params: Params) -> float | None:
        """What is set for one image: no page names a price."""
        return self._engine.price_usd if self.paid else 0.0

    def sent(self, params: Params) -> dict[str, Any]:
        """The body, with a description in place of the image."""
        return self._body(params, params.picture.describe() if params.picture else "")[1]

    def code(self, params: Params) -> Code:
        """The call of OpenAI's client: JSON or a form with the file, as the service takes it."""
        file = source_file(params)
        path, body = self._body(params, PLACE if file else "")
        key = f'os.environ["{self.key_setting}"]'
        key = '"none"' if self._engine.own and self._engine.key is None else key
        head = CLIENT.format(base=self._engine.base_url, key=key)
        if file and self._dialect.multipart:
            call = FORM.format(arguments=_split(body, raw={"image": f'open("{file}", "rb")'}))
        elif params.picture:
            source = SOURCE.format(media_type=params.picture.media_type, file=file)
            written = fields_of(body, indent=8).replace(repr(PLACE), "source")
            call = source + JSON.format(path=path, fields=written)
        else:
            call = WORDS.format(arguments=_split(body))
        return Code("OpenAI SDK", head + call + KEPT)

    def _body(self, params: Params, image: str) -> tuple[str, dict[str, Any]]:
        """Return the path and the body of a request."""
        if isinstance(params, Edit):
            model = self._engine.edit_model or self._engine.model
            return "/images/edits", self._dialect.edit(model, params, image)
        return "/images/generations", self._dialect.generation(self._engine.model, params)

    async def generate(self, params: Params) -> AsyncIterator[Event]:
        """Send once and wait for the answer with the image in it."""
        image = ""
        if picture := params.picture:
            image = f"data:{picture.media_type};base64,{base64.b64encode(picture.data).decode()}"
        path, body = self._body(params, image)
        form = Form(body, picture) if picture and self._dialect.multipart else body
        yield Running()
        try:
            answer = await self._api.post_once(path, form, read_s=READ_S, most=PICTURE_JSON_BYTES)
            async for event in self._delivered(answer):
                yield event
        except BackendError as error:
            if self._engine.own:  # nobody sends a bill
                error.charged = "no"
                error.advice = OWN_ADVICE if error.advice == LOOK else error.advice
            raise

    async def _delivered(self, answer: Answer) -> AsyncIterator[Event]:
        """Yield the image of an answer: inside it, or at the address it names."""
        first = _first(answer)
        if first is None:
            raise self._refused(answer)
        inside, address = first.get("b64_json"), first.get("url")
        if isinstance(inside, str) and inside:
            yield Finished(await self._unpacked(inside))
        elif isinstance(address, str) and address:
            yield Delivered(outputs=address)
            yield Finished(await self._fetched(address))
        else:
            raise BadResponseError(
                english("service-answered-without-image", label=self.label),
                advice=LOOK,
                charged="maybe",
            )

    def _refused(self, answer: Answer) -> BackendError:
        """Read the error; 403 and 422 are Siraya's words for a safety check."""
        if self._dialect.warms_up and answer.status == 503:
            return warming(self.label, answer)
        error = answer.body.get("error") if isinstance(answer.body, dict) else None
        kind = str(error.get("type", "")) if isinstance(error, dict) else ""
        refused = answer.status == 422 and "content_policy" in kind
        if refused or (answer.status == 403 and not self._engine.own):
            return blocked(self.label)
        return refusal(self.label, answer)

    async def collect(
        self, params: Params, outputs: str, request_id: str | None
    ) -> AsyncIterator[Event]:
        """Fetch an image from the address an earlier answer named."""
        yield Finished(await self._fetched(outputs))

    async def _unpacked(self, inside: str) -> bytes:
        try:
            return await unpacked(self.label, inside)
        except BackendError as error:
            error.advice, error.charged = LOOK, "yes"
            raise

    async def _fetched(self, address: str) -> bytes:
        """Return the image at an address; one that does not come stays to be fetched later."""
        try:
            return await self._downloads.fetch(address, deadline_in(DOWNLOAD_S))
        except ForbiddenAddressError as error:
            error.advice, error.charged = LOOK, "yes"
            raise
        except BackendError as error:
            raise RunTimeoutError(str(error), advice=AGAIN, charged="yes") from error

    def observe(self, heard: Heard) -> None:
        """Tell of every answer how it compares with what is expected."""
        self._api.heard = self._downloads.heard = compared(self._dialect.expected, heard)

    async def look(self) -> Sequence[str]:
        """Ask an engine for its models; the page of a service that is paid names nothing free."""
        if not self._engine.own:
            return [english("service-its-page-names-no-request")]
        answer = await self._api.ask("GET", "/models")
        if answer.status >= 300:
            raise refusal(self.label, answer)
        return [english("service-tells-its-models")]

    async def aclose(self) -> None:
        """Close the connections."""
        await self._api.aclose()
        await self._downloads.aclose()


def _first(answer: Answer) -> Mapping[str, Any] | None:
    data = answer.body.get("data") if isinstance(answer.body, dict) else None
    if answer.status < 300 and isinstance(data, list) and data and isinstance(data[0], dict):
        return data[0]
    return None
