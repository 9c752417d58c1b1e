"""Ray Serve on three nodes of one machine: nothing begins too early, too often, or in vain.

Two replicas share each node: one that sleeps, and FLUX with random weights.
"""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from backends import Settings, self_hosted
from core.errors import InputError
from tests.backends.services import KEY
from tests.conftest import Studios
from tests.deploy.noted import Noted
from tests.deploy.plain import Line, Plain, journal
from tests.end_to_end.program import free_port

pytest.importorskip("ray", reason="only with requirements-serve.txt; .ci/run has it")
import ray
from ray import cluster_utils, serve

from deploy.images_api import hashed
from deploy.serve import QUEUED, Options, app, build

pytestmark = pytest.mark.anyio
NODES = 3
JOBS = 40
STEP_S = 0.1
WISH = {"prompt": "hills", "size": "64x64"}
PATIENCE_S = 240.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Three nodes with a GPU each, as far as Ray knows; the first is the head."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    node = {"num_cpus": 2, "num_gpus": 1, "object_store_memory": 80_000_000}
    made = cluster_utils.Cluster(
        initialize_head=True, head_node_args=node | {"include_dashboard": False}
    )
    for _ in range(NODES - 1):
        made.add_node(**node)
    ray.init(made.address, namespace="serve", log_to_driver=False, logging_level="ERROR")
    yield made
    serve.shutdown()
    ray.shutdown()
    made.shutdown()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("journal")


@pytest.fixture(scope="module")
def address(cluster: Any, folder: Path) -> str:
    """Deploy three replicas whose model is loaded when there is a file called `gate`."""
    port = free_port()
    serve.start(proxy_location="HeadOnly", http_options={"port": port})
    create = functools.partial(Plain, folder, step_s=STEP_S, gate=folder / "gate")
    options = Options(gpus=0.6, least=NODES, replicas=NODES, key_hash=hashed(KEY))
    serve.run_many([serve.RunTarget(build(create, options))], wait_for_applications_running=False)
    return f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def model_address(address: str, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Deploy three replicas more, each with a small FLUX of its own, and wait for them."""
    pytest.importorskip("diffusers", reason="needs requirements-local.txt")
    from tools.random_flux import make

    create = functools.partial(Noted, folder, make(tmp_path_factory.mktemp("flux")))
    options = Options(gpus=0.4, least=NODES, replicas=NODES, key_hash=hashed(KEY))
    began = time.monotonic()
    serve.run(build(create, options), name="model", route_prefix="/model")
    print(f"{NODES} painters were ready after {time.monotonic() - began:.1f} s")
    return f"{address}/model"


@pytest.fixture
async def http(address: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=PATIENCE_S) as client:
        yield client


async def until(condition: Callable[[], Any]) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        while not (found := condition()):
            await asyncio.sleep(0.01)
    return found


def lines(folder: Path, word: str, *seeds: int) -> list[Line]:
    return [line for line in journal(folder) if line.word == word and line.seed in seeds]


def painting(line: Line, node: int) -> int:
    """Return the process that has just begun an image, if it is one of that node."""
    return line.pid if line.node == node else 0


async def posted(http: httpx.AsyncClient, seed: int, steps: int) -> httpx.Response:
    body = WISH | {"seed": seed, "num_inference_steps": steps}
    return await http.post("/v1/images/generations", json=body)


@pytest.mark.parametrize("key", [None, " ", "\t"])
def test_without_a_key_nothing_is_deployed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: str | None
) -> None:
    """Said before a cluster is started; a key of blanks is a mistake even where it may be open."""
    monkeypatch.chdir(tmp_path)  # no .env of a checkout
    monkeypatch.delenv("SELF_HOSTED_API_KEY", raising=False)
    if key:
        monkeypatch.setenv("SELF_HOSTED_API_KEY", key)
        with pytest.raises(InputError, match="only blanks"):
            app({"open": "1", "gpus": "0"})
    with pytest.raises(InputError):
        app({"gpus": "0"})


async def test_a_model_that_loads_is_waited_for(http: httpx.AsyncClient, folder: Path) -> None:
    """Until then nothing is begun, and whoever asks is told when to come back."""
    async with asyncio.timeout(PATIENCE_S):
        while (answer := await posted(http, 1, 1)).status_code == 404:  # the ingress is being built
            await asyncio.sleep(0.2)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "10"
        assert answer.json()["error"]["code"] == "warming_up"
        assert journal(folder) == []
        (folder / "gate").touch()
        while (answer := await posted(http, 2, 1)).status_code == 503:
            await asyncio.sleep(0.2)
    assert (answer.status_code, answer.json()["data"][0]["seed"]) == (200, 2)
    assert [line.seed for line in journal(folder)] == [2, 2]


async def test_a_client_that_goes_ends_the_work_within_a_step(
    http: httpx.AsyncClient, folder: Path
) -> None:
    """Through the proxy, the ingress and the replica."""
    request = asyncio.create_task(posted(http, 3, 50))
    await until(lambda: lines(folder, "begun", 3))
    request.cancel()
    went = time.time()
    (end,) = await until(lambda: lines(folder, "cancelled", 3))
    print(f"cancelled {end.at - went:.3f} s after the client went, a step takes {STEP_S} s")
    assert end.step < 50
    assert not lines(folder, "finished", 3)


async def test_a_full_queue_says_so_and_loses_nobody(http: httpx.AsyncClient, folder: Path) -> None:
    """What is not taken was not begun; what was taken is made."""
    seeds = range(100, 130)
    answers = await asyncio.gather(*(posted(http, seed, 15) for seed in seeds))
    counts = Counter(answer.status_code for answer in answers)
    print(f"of {len(seeds)} at once: {dict(counts)}")
    assert set(counts) == {200, 429}
    assert counts[200] >= QUEUED * NODES
    for seed, answer in zip(seeds, answers, strict=True):
        assert len(lines(folder, "begun", seed)) == (answer.status_code == 200)
        assert answer.status_code == 200 or int(answer.headers["retry-after"]) > 0


async def test_a_node_that_dies_costs_no_job(
    cluster: Any, model_address: str, folder: Path, studios: Studios
) -> None:
    """Forty jobs of the playground, one of three nodes killed: forty images, none twice."""
    settings = Settings(
        self_hosted_base_url=model_address,
        self_hosted_api_key=KEY,
        self_hosted_max_concurrency=8,
        _env_file=None,
    )
    backend = self_hosted.create(settings)
    assert backend
    studio = await studios.open(backend)
    began = time.monotonic()
    seeds = range(1_000, 1_000 + JOBS)
    kind: Any = studio.kind(backend.id, "text-to-image")
    wishes = [kind(prompt="hills", width=256, height=256, steps=15, seed=seed) for seed in seeds]
    jobs = await studio.submit_all(backend.id, wishes, owner="ann")
    await until(lambda: len(lines(folder, "finished", *seeds)) >= JOBS // 4)
    victim = next(iter(cluster.worker_nodes))
    node = victim.all_processes["raylet"][0].process.pid
    painter = await until(lambda: painting(lines(folder, "begun", *seeds)[-1], node))
    for pid in (node, painter):  # at once, as when the power fails
        os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(cluster.remove_node, victim, allow_graceful=False)
    killed = time.monotonic()
    async with asyncio.timeout(PATIENCE_S):
        ends = [await studio.result(job.id, owner="ann") for job in jobs]
    took = time.monotonic()
    entries = [end.entry for end in ends]
    page = await studio.history.page("ann", limit=JOBS * 2)
    done = {line.seed for line in lines(folder, "finished", *seeds) if line.node == node}
    lost = {line.seed for line in lines(folder, "begun", *seeds) if line.node == node} - done
    print(
        f"{len(page)} of {JOBS} in the history after {took - began:.1f} s, the last "
        f"{took - killed:.1f} s after the node was killed; begun again: {len(lost)}"
    )
    assert [end.job.state for end in ends] == ["finished"] * JOBS
    assert sorted(entry.seed for entry in page) == list(seeds)
    assert len({entry.id for entry in entries if entry}) == JOBS
    assert lost and {line.seed for line in lines(folder, "finished", *lost)} == lost
    await studio.aclose()
