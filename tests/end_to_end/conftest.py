"""One playground for every test that only asks; tests that stop it start their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gradio_client import Client

from tests.end_to_end.program import Playground


@pytest.fixture(scope="package")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    program = Playground(tmp_path_factory.mktemp("playground"))
    yield program
    program.kill()


@pytest.fixture(scope="package")
def client(playground: Playground) -> Client:
    return playground.client()
