"""The local backend on a real pipeline with random weights: what we rely on of diffusers, too."""

from __future__ import annotations

import asyncio
import functools
import io
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from PIL import Image, ImageChops

from backends import Settings
from backends.local import Local, create, fetch, loading, machine, preview, speed
from backends.local.embeddings import MOST
from backends.local.loading import Wish
from backends.local.model import ENCODERS, Model, PaintingStoppedError, Speed, _AfterStep
from backends.local.order import Order
from backends.local.plan import Plan
from backends.local.script import script
from backends.local.source import Source
from core.errors import BackendError, NotReadyError
from core.events import Event, Finished, Preview, Running
from tests.backends.services import given
from tests.backends.stubs import Stub
from tests.backends.test_contract import Contract, cases
from tests.conftest import Studios

torch = pytest.importorskip("torch", reason="needs requirements-local.txt")
pytest.importorskip("diffusers", reason="needs requirements-local.txt")

pytestmark = pytest.mark.anyio
ORDER = Order("a boat on a teal sea", (64, 64), 4, 3.5, 7)
CHANGED = Order(ORDER.prompt, (64, 64), 10, 3.5, 7, 0.75, given().data)
VARIED: Any = {"variation_seed": 8, "variation_strength": 0.4}

PLACE = Path(__file__).parents[3] / ".pytest_cache" / "random-flux"


@pytest.fixture(scope="session", autouse=True)
def folder() -> Path:
    from tools.random_flux import make

    return make(PLACE)


@pytest.fixture(scope="session")
def model(folder: Path) -> Model:
    return loading.load(Source(str(folder)), Wish(speed="exact"), lambda _readiness: None)


def bare(folder: Path, kind: str = "FluxPipeline") -> Any:
    import diffusers

    pipe = getattr(diffusers, kind).from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    return pipe.to("cuda", torch.bfloat16) if torch.cuda.is_available() else pipe


def never() -> bool:
    return False


def made(model: Model, order: Order) -> tuple[Image.Image, list[Event]]:
    told: list[Event] = []
    model.paint(order, told.append, never)
    assert isinstance(told[-1], Finished)
    return Image.open(io.BytesIO(told[-1].image)), told


def same(one: Image.Image, other: Image.Image) -> bool:
    return ImageChops.difference(one, other).getbbox() is None


def test_pixels_are_those_of_a_bare_diffusers_call(model: Model, folder: Path) -> None:
    """Both tasks, to the bit: kept embeddings, previews and our scheduler change nothing."""
    call = {"num_inference_steps": 4, "guidance_scale": 3.5, "width": 64, "height": 64}
    call["generator"] = torch.Generator("cpu").manual_seed(7)
    plain = bare(folder)(ORDER.prompt, **call).images[0]
    assert same(made(model, ORDER)[0], plain)
    call |= {"num_inference_steps": 10, "strength": 0.75}
    call["generator"] = torch.Generator("cpu").manual_seed(7)
    start = Image.open(io.BytesIO(given().data)).convert("RGB")
    start = start.crop((8, 0, 56, 48)).resize((64, 64), Image.Resampling.LANCZOS)
    plain = bare(folder, "FluxImg2ImgPipeline")(ORDER.prompt, image=start, **call).images[0]
    difference = ImageChops.difference(made(model, CHANGED)[0], plain)
    assert max(high for _low, high in difference.getextrema()) <= 1  # how the start was cut


def test_everything_that_is_asked_for_changes_the_picture(model: Model) -> None:
    """Prompt, guidance, seed, steps and strength; and nothing else does."""
    first = made(model, ORDER)[0]
    assert same(first, made(model, ORDER)[0])
    wishes = ("a red house", (64, 64), 4, 3.5, 7), (ORDER.prompt, (64, 64), 4, 6.0, 7)
    wishes += (ORDER.prompt, (64, 64), 4, 3.5, 8), (ORDER.prompt, (64, 64), 6, 3.5, 7)
    for wish in wishes:
        assert not same(first, made(model, Order(*wish))[0])
    weak = Order(ORDER.prompt, (64, 64), 10, 3.5, 7, 0.3, given().data)
    assert not same(made(model, CHANGED)[0], made(model, weak)[0])
    # After image-to-image the other pipeline's scheduler is where it was.
    assert same(first, made(model, ORDER)[0])


@pytest.mark.parametrize("order", [ORDER, CHANGED], ids=["words", "source"])
def test_a_variation_lies_between_the_images_of_two_seeds(model: Model, order: Order) -> None:
    """At 0 it is the seed's own image to the bit; every strength is another, and repeatable."""
    own = made(model, order)[0]
    assert same(own, made(model, replace(order, variation_seed=8))[0])
    blend = made(model, replace(order, **VARIED))[0]
    assert same(blend, made(model, replace(order, **VARIED))[0])
    assert not same(blend, own)
    assert not same(blend, made(model, replace(order, **VARIED | {"variation_strength": 0.6}))[0])
    # What a variation set up is gone for who comes next.
    assert same(own, made(model, order)[0])


def test_at_full_strength_a_variation_is_the_image_of_its_seed(model: Model) -> None:
    whole = replace(ORDER, variation_seed=8, variation_strength=1.0)
    assert same(made(model, whole)[0], made(model, replace(ORDER, seed=8))[0])


@pytest.mark.parametrize(("steps", "strength"), [(28, 0.6), (10, 0.75), (28, 0.05), (3, 1.0)])
def test_the_number_of_steps_is_the_one_told_before(
    model: Model, steps: int, strength: float
) -> None:
    """What the form says of a strength is what diffusers runs."""
    order = Order("x", (64, 64), steps, 3.5, 1, strength, given().data)
    told = [event for event in made(model, order)[1] if isinstance(event, Running)]
    assert [event.step for event in told] == list(range(1, order.steps_run + 1))
    assert told[-1].total == order.steps_run


def test_previews_show_where_it_leads(model: Model) -> None:
    """A small WebP from the first step on; the last estimate is the end itself.

    In 16 bits diffusers rounds a step's share before it adds it, and the estimate does not.
    """
    previews = [event for event in made(model, ORDER)[1] if isinstance(event, Preview)]
    picture = Image.open(io.BytesIO(previews[0].image))
    assert (picture.format, picture.size) == ("WEBP", (8, 8))
    pipe = model._pipes[False]
    ends: list[Any] = []

    def look(_pipe: Any, index: int, _time: Any, tensors: Any) -> dict[str, Any]:
        ends.append((pipe.scheduler.estimate(), tensors["latents"]))
        return {}

    pipe(**model._call(ORDER, model.embeddings.of("x")), callback_on_step_end=look)
    exact = ends[-1][1].dtype == torch.float32
    assert torch.allclose(*ends[-1], rtol=0, atol=1e-5 if exact else 0.04)
    assert not torch.allclose(*ends[0], rtol=0, atol=0.1)


def test_a_queue_never_runs_dry_for_a_preview(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where work is queued, a preview is told after the next fence, when its pixels have come.

    The CPU stands where a GPU would: what is waited for, and when, is the same.
    """
    monkeypatch.setattr(preview, "EVERY_S", 0.0)
    pipe, words = model._pipes[False], model.embeddings.of("x")
    seen: dict[bool, list[str]] = {}
    images: dict[bool, list[bytes]] = {}
    for queued in (False, True):
        told: list[Any] = []
        fence = functools.partial(told.append, "fence")
        after = _AfterStep(pipe, ORDER, told.append, never, queued, fence)
        pipe(**model._call(ORDER, words), callback_on_step_end=after)
        images[queued] = [event.image for event in told if isinstance(event, Preview)]
        seen[queued] = [event if event == "fence" else type(event).__name__ for event in told]
    step = ["fence", "Running"]
    assert seen[False] == [*step, "Preview"] * 3 + step
    assert seen[True] == step + [*step, "Preview"] * 3
    assert images[True] == images[False]


def test_a_prompt_is_encoded_once(model: Model) -> None:
    """The second image with the same words asks neither encoder; old prompts are forgotten."""
    asked: list[str] = []
    pipe = model.embeddings.pipe
    hooks = [
        getattr(pipe, name).register_forward_hook(lambda *_, name=name: asked.append(name))
        for name in ("text_encoder", "text_encoder_2")
    ]
    first = made(model, Order("never seen before", (64, 64), 2, 3.5, 1))[0]
    assert sorted(asked) == ["text_encoder", "text_encoder_2"]
    again = made(model, Order("never seen before", (64, 64), 2, 3.5, 1))[0]
    assert len(asked) == 2
    assert same(first, again)
    for number in range(MOST + 1):
        model.embeddings.of(f"prompt {number}")
    assert len(model.embeddings.kept) == MOST
    model.embeddings.of("never seen before")
    assert len(asked) == 2 + 2 * (MOST + 1) + 2
    for hook in hooks:
        hook.remove()


@pytest.mark.parametrize("encoders_on_cpu", [False, True])
def test_encoders_leave_the_card_before_the_transformer_comes(
    folder: Path, monkeypatch: pytest.MonkeyPatch, encoders_on_cpu: bool
) -> None:
    """Where each part is there on its turn: together they would not fit, nor with the decoder.

    Encoders that stay on the CPU never come.
    Here the card is the CPU under its other name; who is sent where is what is told of it.
    """
    loaded = loading.load(Source(str(folder)), Wish(speed="exact"), lambda _readiness: None)
    parts = {**loaded.embeddings.pipe.components, **loaded._pipes[False].components}
    parts |= {name: getattr(loaded.embeddings.pipe, name) for name in ENCODERS}
    names = {part: name for name, part in parts.items() if isinstance(part, torch.nn.Module)}
    there: set[str] = set()
    seen: list[set[str]] = []
    to = torch.nn.Module.to

    def noted(part: Any, place: Any, *given: Any, **named: Any) -> Any:
        if name := names.get(part):
            (there.discard if str(place) == "cpu" else there.add)(name)
            seen.append(set(there))
        return to(part, place, *given, **named)

    monkeypatch.setattr(torch.nn.Module, "to", noted)
    plan = Plan("fp32", "", offload=True, encoders_on_cpu=encoders_on_cpu)
    offloaded = Model(parts, plan, "cpu", loaded.speed)
    made(offloaded, ORDER)
    made(offloaded, Order("other words", (64, 64), 2, 3.5, 7))
    encoders = {"text_encoder", "text_encoder_2"}
    gone = encoders if encoders_on_cpu else set()
    assert set().union(*seen) == set(names.values()) - gone
    assert [one for one in seen if "transformer" in one and one & encoders] == []
    assert there == set()


def test_a_prompt_that_is_too_long_says_where_it_was_cut(model: Model) -> None:
    """512 tokens are read: the entry names the last words of them."""
    short = made(model, Order("word " * 100, (64, 64), 1, 3.5, 1))[1][-1]
    words = " ".join(f"tree{number}" for number in range(300))
    long = made(model, Order(words, (64, 64), 1, 3.5, 1))[1][-1]
    assert isinstance(short, Finished)
    assert isinstance(long, Finished)
    assert "prompt_read_until" not in short.ran
    read = long.ran["prompt_read_until"]
    assert read in words
    assert "tree299" not in read
    assert len(words[: words.index(read) + len(read)]) == pytest.approx(511, abs=12)


def test_a_hundred_cancels_leave_memory_flat(model: Model) -> None:
    """Each leaves at its step without decoding; the pipeline is whole afterwards."""
    import psutil

    process = psutil.Process()
    order = Order("x", (256, 256), 50, 3.5, 1)
    sizes = []
    for _ in range(100):
        steps: list[Event] = []
        with pytest.raises(PaintingStoppedError):
            model.paint(order, steps.append, lambda steps=steps: len(steps) > 1)
        assert not any(isinstance(event, Finished) for event in steps)
        sizes.append(process.memory_info().rss)
    assert max(sizes[50:]) - min(sizes[20:50]) < 20_000_000
    assert same(made(model, ORDER)[0], made(model, ORDER)[0])


def test_short_memory_is_answered_by_tiles_and_then_by_a_sentence(model: Model) -> None:
    """One retry with tiling, recorded with the image; the second failure is told."""
    vae = model._pipes[False].vae
    left = [1]

    def fail(*_: Any) -> None:
        if left[0]:
            left[0] -= 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 4.00 GiB")

    hook = vae.decoder.register_forward_pre_hook(fail)
    finished = made(model, ORDER)[1][-1]
    assert isinstance(finished, Finished)
    assert finished.ran["tiled"] == "yes"
    left[0] = 2
    with pytest.raises(BackendError, match="too small for an image of 64 × 64") as caught:
        made(model, ORDER)
    assert "smaller size" in caught.value.advice
    hook.remove()
    finished = made(model, ORDER)[1][-1]
    assert isinstance(finished, Finished)
    assert "tiled" not in finished.ran


def test_turbo_skips_and_says_so(model: Model) -> None:
    """First-block caching is on for one image of enough steps, and leaves no trace."""
    plain = made(model, ORDER)[0]
    transformer = model._pipes[False].transformer
    with speed.hurrying(transformer, 11, wanted=True) as told:
        assert told == ""
    with speed.hurrying(transformer, 12, wanted=True) as told:
        assert told == "first-block cache 0.08"
        made(model, ORDER)
    assert same(made(model, ORDER)[0], plain)


@pytest.mark.skipif(not shutil.which("g++"), reason="needs g++, with which torch compiles on a CPU")
def test_turbo_hurries_compiled_blocks_without_compiling_again(folder: Path) -> None:
    """The cache decides outside what is compiled: it comes and goes at no cost."""
    from torch._dynamo.utils import counters

    own = loading.load(Source(str(folder)), Wish(speed="exact"), lambda _readiness: None)
    order = Order(ORDER.prompt, (64, 64), 14, 3.5, 7)
    plain = made(own, order)[0]
    speed.compile_blocks(own._pipes[False].transformer)
    counters.clear()
    difference = ImageChops.difference(made(own, order)[0], plain)
    # What is compiled rounds less often, which counts where weights have 16 bits.
    most = 2 if own.plan.quant == "fp32" else 16
    assert max(high for _low, high in difference.getextrema()) <= most
    graphs = counters["stats"]["unique_graphs"]
    assert graphs >= 2  # one block of each kind
    own.speed = Speed("turbo", compiled=True)
    finished = made(own, order)[1][-1]
    assert isinstance(finished, Finished)
    assert finished.ran["cache"] == "first-block cache 0.08"
    assert counters["stats"]["unique_graphs"] == graphs
    assert not counters["graph_break"]


def test_an_attention_that_does_not_work_here_is_not_used(model: Model) -> None:
    """The list is tried in turn; in the end it is torch's own, which generates as before.

    cuDNN's can be set on any machine and only fails in the midst of an image.
    """
    if torch.cuda.is_available():
        pytest.skip("there is a GPU, on which cuDNN works")
    plain = made(model, ORDER)[0]
    for capability in ((8, 0), (9, 0), (10, 0)):
        assert speed.attention(model._pipes[False].transformer, capability) == "native"
    assert same(made(model, ORDER)[0], plain)


def test_weights_that_cannot_be_compiled_are_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GGUF file on a GPU is run at the usual speed: torch cannot follow the class of its tensors.

    The CPU stands where a GPU would: what is told of it is all that differs here.
    """
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    transformer = bare(folder).transformer
    blocks = [transformer.transformer_blocks[0], transformer.single_transformer_blocks[0]]
    usual = loading.quickened(transformer, Speed("compiled"), "cuda", "gguf")
    assert not usual.compiled
    assert not any("forward" in vars(block) for block in blocks)
    assert loading.quickened(transformer, Speed("compiled"), "cuda", "bf16").compiled
    assert all("forward" in vars(block) for block in blocks)


def test_another_precision_is_streamed_into_the_model(folder: Path, tmp_path: Path) -> None:
    """A file of 32 bits becomes 16 tensor by tensor, bit-equal to a cast of the whole."""
    from safetensors.torch import load_file, save_file

    base = tmp_path / "base"
    shutil.copytree(folder, base)
    own = tmp_path / "srpo.safetensors"
    tensors = load_file(next((base / "transformer").glob("*.safetensors")))
    save_file({name: value + 0.25 for name, value in tensors.items()}, own)
    next((base / "transformer").glob("*.safetensors")).unlink()
    told: list[Any] = []
    source = Source(str(base), None, str(own))
    mixed = loading.load(source, Wish(quant="bf16"), told.append)
    assert mixed.plan.summary == "bf16"
    for name, value in mixed._pipes[False].transformer.state_dict().items():
        assert value.dtype == torch.bfloat16
        assert torch.equal(value.cpu(), (tensors[name] + 0.25).to(torch.bfloat16))
    shares = [one.fraction for one in told if one.fraction is not None]
    assert shares == sorted(shares)
    assert len(shares) > len(tensors)
    save_file({"nothing": torch.zeros(1)}, own)
    with pytest.raises(NotReadyError, match="does not fit the model in base"):
        loading.load(source, Wish(), told.append)


@pytest.fixture
async def backend(folder: Path) -> AsyncIterator[Local]:
    found = create(Settings(local_model=str(folder), local_speed="exact"))
    yield found
    await found.aclose()


async def test_three_pictures_of_one_click_are_three_solo_runs(
    backend: Local, studios: Studios, model: Model
) -> None:
    """Seeds count up, each image is what its seed alone gives; the plan is in the entry."""
    studio = await studios.open(backend)
    kind: Any = studio.kind("local", "text-to-image")
    wishes = [kind(prompt="x", width=64, height=64, steps=2, seed=5 + k) for k in range(3)]
    jobs = await studio.submit_all("local", wishes, owner="ann")
    for number, job in enumerate(jobs):
        done = await studio.result(job.id, owner="ann")
        assert done.entry is not None
        assert (done.entry.sent["speed"], done.entry.sent["weights"]) == (
            "exact",
            "bf16" if torch.cuda.is_available() else "fp32",
        )
        kept = Image.open(io.BytesIO(await studio.history.storage.read(done.entry.file)))
        assert same(kept, made(model, Order("x", (64, 64), 2, 3.5, 5 + number))[0])
    if not torch.cuda.is_available():
        assert "runs on the CPU" in backend.readiness().sentence
    await studio.aclose()


async def test_cancelling_a_job_stops_the_steps(backend: Local, studios: Studios) -> None:
    """The job says so and nothing was spent; the next one is made."""
    studio = await studios.open(backend)
    kind: Any = studio.kind("local", "text-to-image")
    job = await studio.submit("local", kind(prompt="x", steps=50), owner="ann")
    async with aclosing(studio.watch([job.id], owner="ann")) as watch:
        async for (progress,) in watch:
            if progress.step:
                break
    assert (await studio.cancel(job.id, owner="ann")).state == "cancelled"
    small = kind(prompt="x", width=64, height=64, steps=1)
    after = await studio.submit("local", small, owner="ann")
    async with asyncio.timeout(20):
        assert (await studio.result(after.id, owner="ann")).job.state == "finished"
    await studio.aclose()


STUB = Stub(
    name="local",
    build=lambda _transport: create(Settings(local_model=str(PLACE))),
    picture=None,
    paid=False,
)


@pytest.mark.parametrize(("stub", "task"), cases(STUB))
class TestContractOfLocal(Contract):
    """The suite of every backend, on the random pipeline."""


class Hub:
    """A hub of one repo that answers as the real one does when something is wrong."""

    def __init__(self, status: int, code: str) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.send_header("X-Error-Code", code)
                self.send_header("X-Error-Message", "<b>no</b>")
                self.end_headers()
                self.wfile.write(json.dumps({"error": "no"}).encode())

            do_HEAD = do_GET  # noqa: N815 - the name the server looks for

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def hubs() -> Iterator[Callable[[int, str], Hub]]:
    opened: list[Hub] = []

    def open_one(status: int, code: str) -> Hub:
        opened.append(Hub(status, code))
        return opened[-1]

    yield open_one
    for hub in opened:
        hub.server.shutdown()


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "GatedRepo", "is gated. Accept its terms at"),
        (401, "GatedRepo", "is gated. Accept its terms at"),
        (401, "RepoNotFound", "no repo black-forest-labs/FLUX.1-dev, or it is private"),
        (404, "RevisionNotFound", "does not have the named revision"),
        (500, "", "could not be reached"),
    ],
)
def test_a_repo_that_cannot_be_had_is_a_sentence(
    hubs: Any, tmp_path: Path, status: int, code: str, words: str
) -> None:
    """Gated, private, wrong or away: what it is and what to do, and the token is not in it."""
    source = Source("black-forest-labs/FLUX.1-dev")
    hub = {"endpoint": hubs(status, code).address, "cache_dir": tmp_path}
    with pytest.raises(NotReadyError) as caught:
        fetch.pipeline_folder(source, "hf_CANARY", lambda _share: None, **hub)
    said = f"{caught.value} {caught.value.advice}"
    assert words in said
    assert "CANARY" not in said


def test_the_machine_is_told_as_it_is() -> None:
    """Memory is measured, and there is a GPU only where torch can use it."""
    found = machine.detect()
    assert found.ram_gb > 0.5
    assert (found.device == "cuda") == torch.cuda.is_available()


@pytest.mark.slow
@pytest.mark.parametrize(
    "order",
    [ORDER, CHANGED, replace(ORDER, **VARIED), replace(CHANGED, **VARIED)],
    ids=["words", "source", "words varied", "source varied"],
)
def test_the_script_that_the_page_shows_makes_the_same_image(
    model: Model, folder: Path, tmp_path: Path, order: Order
) -> None:
    """diffusers alone, run as it stands beside the model's folder and the source."""
    (tmp_path / folder.name).symlink_to(folder)
    if order.image:
        (tmp_path / "source.png").write_bytes(order.image)
    text = script(order, model=folder.name, device="cpu", file="source.png" if order.image else "")
    subprocess.run([sys.executable, "-c", text], cwd=tmp_path, check=True, timeout=300)
    events: list[Event] = []
    model.paint(order, events.append, lambda: False)
    finished = events[-1]
    assert isinstance(finished, Finished)
    with (
        Image.open(io.BytesIO(finished.image)) as ours,
        Image.open(tmp_path / "image.png") as theirs,
    ):
        assert ImageChops.difference(ours.convert("RGB"), theirs.convert("RGB")).getbbox() is None
