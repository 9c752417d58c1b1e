"""A file that takes for ever to read keeps nobody waiting."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from gradio.utils import get_upload_folder

from core import metadata, pictures
from core.errors import InputError
from tests.conftest import Studios
from ui.server.routes import Media
from ui.server.uploads import Uploads

SLOW_S = 1.0


@pytest.fixture
def upload() -> str:
    """The path of a file as Gradio stores it."""
    folder = Path(get_upload_folder()) / "patience"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "slow.png").write_bytes(b"any bytes")
    return str(folder / "slow.png")


@pytest.mark.anyio
@pytest.mark.parametrize("what", ["picture", "settings"])
async def test_a_slow_file_is_given_up_with_a_sentence(
    what: str, upload: str, studios: Studios, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether its pixels or its settings are wanted."""
    for module, name in ((pictures, "load"), (metadata, "read")):
        monkeypatch.setattr(module, name, lambda source: time.sleep(SLOW_S))
    uploads = Uploads(Media(await studios.open()), patience_s=0.05)
    begun = time.monotonic()
    with pytest.raises(InputError, match="takes too long"):
        await getattr(uploads, what)(upload)
    assert time.monotonic() - begun < SLOW_S / 2
