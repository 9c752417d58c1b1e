"""Clients that nobody here wrote work against the sandbox unchanged."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.fal_visitor import SMALL, SRPO, SRPO_EDIT
from tests.sandbox.visitor import BASE, I2I, T2I, data_uri, opened, picture, serving

MODEL = "flux-1-srpo-text-to-image"
OURS = "test/srpo"


@pytest.fixture
def address() -> Iterator[str]:
    """A served sandbox that paints."""
    with serving(latency=0.05, picture="painted") as url:
        yield url


def fetched(url: str) -> bytes:
    """Download an image with nothing but the standard library."""
    with urllib.request.urlopen(url, timeout=20) as answer:
        body: bytes = answer.read()
        return body


def stats(address: str) -> Any:
    """Read the counters."""
    return json.loads(fetched(f"{address}/sandbox/stats"))


class TestWaveSpeedSDK:
    """The official `wavespeed` package."""

    @pytest.fixture
    def sdk(self) -> Any:
        """The package, or a skip."""
        return pytest.importorskip("wavespeed", reason="needs wavespeed (requirements-dev.txt)")

    @pytest.fixture
    def client(self, sdk: Any, address: str) -> Any:
        """A client with a key."""
        return sdk.Client(api_key="a-key", base_url=address)

    @pytest.mark.slow
    def test_it_generates(self, client: Any, address: str) -> None:
        """Submit, poll, download."""
        order = {"prompt": "a red boat", "size": "512*256", "seed": 1, "output_format": "png"}
        done = client.run(T2I, order, poll_interval=0.02, timeout=20)
        assert opened(fetched(done["outputs"][0])).size == (512, 256)
        assert stats(address)["undocumented"] == []

    def test_it_generates_in_sync_mode(self, client: Any) -> None:
        """One request."""
        order = {"prompt": "a red boat", "size": "256*256", "enable_base64_output": True}
        done = client.run(T2I, order, enable_sync_mode=True, timeout=20)
        assert opened(base64.b64decode(done["outputs"][0])).size == (256, 256)

    def test_it_uploads_and_changes_a_picture(self, client: Any, tmp_path: Path) -> None:
        """Ticket, PUT, image-to-image from the address it got."""
        file = tmp_path / "an image.png"
        file.write_bytes(picture())
        url = client.upload(str(file))
        assert fetched(url) == picture()
        order = {"prompt": "a red boat", "image": url, "strength": 0.4}
        done = client.run(I2I, order, poll_interval=0.02, timeout=20)
        assert opened(fetched(done["outputs"][0])).size == (320, 256)

    def test_it_generates_with_the_base_model(self, client: Any, address: str) -> None:
        """Both tasks on its one path, each for its own price."""
        order = {"prompt": "a red boat", "size": "320*256", "num_images": 1}
        for more in ({}, {"image": data_uri(picture()), "strength": 0.4}):
            done = client.run(BASE, order | more, poll_interval=0.02, timeout=20)
            assert opened(fetched(done["outputs"][0])).size == (320, 256)
        found = stats(address)
        assert (found["spent_usd"], found["undocumented"]) == (0.024, [])

    def test_it_reports_a_wrong_key(self, sdk: Any, address: str) -> None:
        """401 reaches its user."""
        client = sdk.Client(api_key="wrong", base_url=address)
        with pytest.raises(RuntimeError, match="401"):
            client.run(T2I, {"prompt": "a boat"})

    def test_it_reports_a_bad_parameter(self, client: Any) -> None:
        """400 with the name of the parameter."""
        with pytest.raises(RuntimeError, match=r"400.*num_inference_steps"):
            client.run(T2I, {"prompt": "a boat", "num_inference_steps": 99})

    @pytest.mark.slow
    def test_it_reports_a_failed_task(self, client: Any) -> None:
        """The text of the failure and the id."""
        order = {"prompt": "fault:run_failed_1200|a boat"}
        with pytest.raises(RuntimeError, match=r"failed \(task_id: \w+\): Task failed"):
            client.run(T2I, order, poll_interval=0.02, timeout=20)

    def test_it_reports_a_sync_timeout(self, sdk: Any) -> None:
        """It recognises the answer of a wait that was too short."""
        with serving(latency=5, sync_limit=0.05) as url:
            client = sdk.Client(api_key="a-key", base_url=url)
            done = client.run_no_throw(T2I, {"prompt": "a boat"}, enable_sync_mode=True)
            assert done["status"] == "processing"
            assert len(done["task_id"]) == 32


class TestOpenAISDK:
    """The official `openai` package, on Siraya's endpoint."""

    @pytest.fixture
    def sdk(self) -> Any:
        """The package, or a skip."""
        return pytest.importorskip("openai", reason="needs openai (requirements-dev.txt)")

    @pytest.fixture
    def client(self, sdk: Any, address: str) -> Any:
        """A client with a key."""
        return sdk.OpenAI(api_key="a-key", base_url=f"{address}/v1", max_retries=0)

    def test_it_generates_a_preset(self, client: Any, address: str) -> None:
        """Model, prompt, size and n are its own words."""
        done = client.images.generate(model=MODEL, prompt="a red boat", size="square", n=2)
        assert [opened(fetched(item.url)).size for item in done.data] == [(512, 512)] * 2
        assert done.created > 1_700_000_000
        assert stats(address)["undocumented"] == []

    def test_it_generates_with_everything_else_in_extra_body(
        self, client: Any, address: str
    ) -> None:
        """Whatever only Siraya knows."""
        extra = {
            "image_size": {"width": 320, "height": 256},
            "num_inference_steps": 20,
            "guidance_scale": 3.5,
            "acceleration": "none",
            "seed": 5,
            "enable_safety_checker": True,
            "output_format": "b64_json",
        }
        done = client.images.generate(model=MODEL, prompt="a red boat", extra_body=extra)
        assert opened(base64.b64decode(done.data[0].b64_json)).size == (320, 256)
        assert stats(address)["undocumented"] == []

    def test_it_edits(self, client: Any, address: str) -> None:
        """Its form with the file in it."""
        done = client.images.edit(
            model="flux-1-srpo-edit", prompt="a red boat", image=("a.png", picture(), "image/png")
        )
        assert opened(fetched(done.data[0].url)).size == (320, 256)
        assert stats(address)["undocumented"] == []

    def test_it_edits_several_files(self, client: Any) -> None:
        """Its other form, with a list of files."""
        files = [("a.png", picture(), "image/png"), ("b.jpg", picture(kind="JPEG"), "image/jpeg")]
        done = client.images.edit(model="an-edit-model", prompt="a boat", image=files, n=2)
        assert len(done.data) == 2

    def test_it_edits_as_the_service_documents_it(self, client: Any, sdk: Any) -> None:
        """JSON with image_urls, through its own transport."""
        body = {"model": "an-edit-model", "prompt": "a boat", "image_urls": [data_uri(picture())]}
        done = client.post("/images/edits", body=body, cast_to=sdk.types.ImagesResponse)
        assert opened(fetched(done.data[0].url)).size == (320, 256)

    def test_it_reports_a_wrong_key(self, sdk: Any, address: str) -> None:
        """Its own class for 401."""
        client = sdk.OpenAI(api_key="wrong", base_url=f"{address}/v1", max_retries=0)
        with pytest.raises(sdk.AuthenticationError, match="Incorrect API key"):
            client.images.generate(model=MODEL, prompt="a boat")

    def test_it_reports_a_bad_parameter(self, client: Any, sdk: Any) -> None:
        """Its own class for 400, with the parameter."""
        with pytest.raises(sdk.BadRequestError) as caught:
            client.images.generate(model=MODEL, prompt="a boat", size="1024x1024")
        assert caught.value.param == "size"

    @pytest.mark.parametrize(
        ("fault", "kind"),
        [
            ("run_failed_1200", "PermissionDeniedError"),
            ("submit_422", "UnprocessableEntityError"),
            ("submit_429", "RateLimitError"),
            ("submit_502_html_billed", "InternalServerError"),
            ("submit_reset_billed", "APIConnectionError"),
        ],
    )
    def test_it_reports_a_failure(self, client: Any, sdk: Any, fault: str, kind: str) -> None:
        """Moderation, throttling and a broken line are what it thinks they are."""
        with pytest.raises(getattr(sdk, kind)):
            client.images.generate(model=MODEL, prompt=f"fault:{fault}|a boat")


class TestHuggingFaceHub:
    """`huggingface_hub.InferenceClient(provider="wavespeed")`."""

    @pytest.fixture
    def client(self, address: str, monkeypatch: pytest.MonkeyPatch) -> Any:
        """A client of our server: the package offers no base URL, only its tables."""
        reason = "needs huggingface_hub with the wavespeed provider"
        providers = pytest.importorskip("huggingface_hub.inference._providers", reason=reason)
        common = pytest.importorskip("huggingface_hub.inference._providers._common", reason=reason)
        hub = pytest.importorskip("huggingface_hub", reason=reason)
        for task, path in (("text-to-image", T2I), ("image-to-image", I2I)):
            monkeypatch.setattr(providers.PROVIDERS["wavespeed"][task], "base_url", address)
            mapping = hub.hf_api.InferenceProviderMapping(
                provider="wavespeed", hf_model_id=OURS, providerId=path, status="live", task=task
            )
            known = common.HARDCODED_MODEL_INFERENCE_MAPPING["wavespeed"]
            monkeypatch.setitem(known, f"{OURS}-{task}", mapping)
        return hub.InferenceClient(provider="wavespeed", api_key="a-key")

    @pytest.mark.slow
    def test_it_generates(self, client: Any, address: str) -> None:
        """Text to image, the size in its extra body."""
        image = client.text_to_image(
            "a red boat",
            model=f"{OURS}-text-to-image",
            num_inference_steps=20,
            guidance_scale=3.0,
            seed=4,
            extra_body={"size": "320*256"},
        )
        assert image.size == (320, 256)
        assert stats(address)["undocumented"] == []

    @pytest.mark.slow
    @pytest.mark.parametrize("kind", ["JPEG", "PNG"])
    def test_it_changes_a_picture(self, client: Any, address: str, kind: str) -> None:
        """It calls every image a JPEG, which is accepted and counted."""
        image = client.image_to_image(
            picture(kind=kind), prompt="a red boat", model=f"{OURS}-image-to-image", strength=0.5
        )
        assert image.size == (320, 256)
        lies = [f"{I2I} image media type image/jpeg"] if kind == "PNG" else []
        assert stats(address)["undocumented"] == lies

    @pytest.mark.slow
    def test_it_reports_a_failed_task(self, client: Any) -> None:
        """The text of the failure."""
        with pytest.raises(ValueError, match="Task failed"):
            client.text_to_image("fault:run_failed_1403|a boat", model=f"{OURS}-text-to-image")

    @pytest.mark.parametrize(("key", "steps", "status"), [("wrong", 28, 401), ("a-key", 99, 400)])
    def test_it_reports_a_refusal(self, client: Any, key: str, steps: int, status: int) -> None:
        """A wrong key and a bad parameter."""
        del client  # it has pointed the package at our server
        hub = pytest.importorskip("huggingface_hub")
        with pytest.raises(hub.errors.HfHubHTTPError) as caught:
            hub.InferenceClient(provider="wavespeed", api_key=key).text_to_image(
                "a boat", model=f"{OURS}-text-to-image", num_inference_steps=steps
            )
        assert caught.value.response.status_code == status


class TestFalClient:
    """The official `fal-client` package."""

    @pytest.fixture
    def sdk(self, address: str, monkeypatch: pytest.MonkeyPatch) -> Any:
        """The package, pointed at our server: it offers a host, but always over TLS."""
        sdk = pytest.importorskip("fal_client", reason="needs fal-client (requirements-dev.txt)")
        monkeypatch.setattr("fal_client.client.QUEUE_URL_FORMAT", f"{address}/")
        return sdk

    @pytest.fixture
    def client(self, sdk: Any) -> Any:
        """A client with a key."""
        return sdk.SyncClient(key="a-key")

    def test_it_subscribes(self, sdk: Any, client: Any, address: str) -> None:
        """Submit, poll with logs, result."""
        updates: list[Any] = []
        order = {"prompt": "a red boat", "image_size": {"width": 512, "height": 256}, "seed": 1}
        done = client.subscribe(
            SRPO, order, with_logs=True, interval=0.02, on_queue_update=updates.append
        )
        assert opened(fetched(done["images"][0]["url"])).size == (512, 256)
        assert isinstance(updates[0], sdk.InProgress)
        assert updates[0].logs
        assert isinstance(updates[-1], sdk.Completed)
        assert updates[-1].metrics["inference_time"] > 0
        found = stats(address)
        assert (found["charges"], found["spent_usd"], found["undocumented"]) == (1, 0.025, [])

    def test_it_changes_a_picture(self, sdk: Any, client: Any) -> None:
        """With the data URI that it makes itself."""
        image = sdk.encode(picture(), "image/png")
        done = client.subscribe(SRPO_EDIT, {"prompt": "a boat", "image_url": image}, interval=0.02)
        assert opened(fetched(done["images"][0]["url"])).size == (320, 256)

    def test_it_follows_a_request_by_its_id(self, sdk: Any, client: Any) -> None:
        """Status and result, from the model and the id alone."""
        handle = client.submit(SRPO, {"prompt": "a boat", "image_size": SMALL})
        assert isinstance(client.status(SRPO, handle.request_id), sdk.InProgress | sdk.Completed)
        assert client.get_handle(SRPO, handle.request_id).get(interval=0.02)["images"]
        assert client.result(SRPO, handle.request_id)["prompt"] == "a boat"

    def test_it_cancels_what_waits(
        self, sdk: Any, client: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its position in the queue, and no charge for what was removed."""
        with serving(latency=30, runners=1) as url:
            monkeypatch.setattr("fal_client.client.QUEUE_URL_FORMAT", f"{url}/")
            handles = [client.submit(SRPO, {"prompt": "a boat"}) for _ in range(3)]
            assert isinstance(handles[0].status(), sdk.InProgress)
            assert handles[2].status() == sdk.Queued(position=1)
            handles[1].cancel()
            assert handles[2].status() == sdk.Queued(position=0)
            with pytest.raises(sdk.client.FalClientHTTPError, match="not found"):
                handles[1].status()
            assert stats(url)["charges"] == 1

    @pytest.mark.parametrize(
        ("fault", "charges"),
        [
            ("submit_reset", 1),
            ("submit_reset_billed", 2),
            ("submit_closed_billed*2", 3),
            ("submit_502_html_billed", 2),
            ("submit_429", 1),
        ],
    )
    def test_it_sends_again_and_every_billed_send_is_charged(
        self, client: Any, address: str, fault: str, charges: int
    ) -> None:
        """What a client of ours must never do: a lost answer is paid for once more."""
        order = {"prompt": f"fault:{fault}|a boat", "image_size": SMALL}
        assert client.subscribe(SRPO, order, interval=0.02)["images"]
        assert stats(address)["charges"] == charges

    def test_it_does_not_send_again_what_the_service_itself_refused(
        self, sdk: Any, client: Any, address: str
    ) -> None:
        """A 503 that names its request comes from fal, not from a gateway before it."""
        with pytest.raises(sdk.client.FalClientHTTPError):
            client.submit(SRPO, {"prompt": "fault:submit_503_billed|a boat"})
        assert (stats(address)["posts"], stats(address)["charges"]) == (1, 1)

    def test_it_reports_a_wrong_key(self, sdk: Any) -> None:
        """401, in a sentence."""
        with pytest.raises(sdk.client.FalClientHTTPError, match="Authentication") as caught:
            sdk.SyncClient(key="wrong").submit(SRPO, {"prompt": "a boat"})
        assert caught.value.status_code == 401

    @pytest.mark.parametrize(
        ("order", "status", "kind"),
        [
            ({"prompt": "a boat", "num_inference_steps": 99}, 422, "less_than_equal"),
            ({"prompt": "fault:run_failed_1200|a boat"}, 422, "content_policy_violation"),
        ],
    )
    def test_it_reports_what_the_model_refused(
        self, sdk: Any, client: Any, order: dict[str, Any], status: int, kind: str
    ) -> None:
        """With the result, in the list of what is wrong."""
        with pytest.raises(sdk.client.FalClientHTTPError) as caught:
            client.subscribe(SRPO, order, interval=0.02)
        assert caught.value.status_code == status
        assert caught.value.response.json()["detail"][0]["type"] == kind

    def test_it_reports_a_failure_of_the_queue(self, sdk: Any, client: Any) -> None:
        """By its type, in the status and in the result."""
        handle = client.submit(SRPO, {"prompt": "fault:run_timeout|a boat"})
        *_, last = handle.iter_events(interval=0.02)
        assert last.error_type == "request_timeout"
        with pytest.raises(sdk.client.FalClientHTTPError) as caught:
            handle.get(interval=0.02)
        assert (caught.value.status_code, caught.value.error_type) == (504, "request_timeout")
