"""The documents agree with the program, and the checkout is a valid Hugging Face Space."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import backends
from backends import Settings
from backends.fal import BASE, Fal
from core.params import Params
from tools import backends_table, document

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
FRONT = yaml.safe_load(README.split("---\n")[1])
COLOURS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
KEYS = (
    "title emoji colorFrom colorTo sdk sdk_version python_version app_file header "
    "short_description suggested_hardware license hf_oauth hf_oauth_expiration_minutes models tags"
).split()
ENDPOINTS = (
    "text_to_image image_to_image submit job jobs cancel history backends "
    "star delete restore collect"
).split()


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    listed = [line for line in lines if line and not line.startswith("#")]
    return dict(line.split("==") for line in listed)


@pytest.mark.slow
def test_what_documents_repeat_from_the_code_is_not_stale() -> None:
    """Settings and files are what `python -m tools.document` writes."""
    assert not document.stale()
    for name, field in Settings.model_fields.items():
        assert f"| `{name.upper()}` |" in README
        assert field.description, f"{name} has no meaning"


def test_every_backend_and_endpoint_is_documented() -> None:
    """Nothing that can be called is a secret."""
    for name in backends.create(Settings()):
        assert f"| `{name}` |" in README
    for endpoint in ENDPOINTS:
        assert f"`/{endpoint}`" in README


def test_the_table_of_backends_tells_what_their_classes_say(monkeypatch: Any) -> None:
    """A price by its function over models and sizes, and one that nobody knows as such."""

    def price(_self: Fal, params: Params) -> float:
        return 0.01 if getattr(params, "model", "") == BASE else 0.02

    monkeypatch.setattr(Fal, "price", price)
    rows = {row.split("`")[1]: row for row in backends_table.table().splitlines()[2:]}
    assert list(rows) == list(backends.REGISTRY)
    assert "| $0.01 to $0.02, by model |" in rows["fal"]
    assert f"flux/srpo; {BASE}" in rows["fal"]
    assert "not known: set `SIRAYA_PRICE_USD`" in rows["siraya"]
    assert "| free |" in rows["miniature"]


def test_the_front_matter_is_what_a_space_expects() -> None:
    """Known keys, quoted versions, legal colours, an existing app file."""
    assert set(FRONT) == set(KEYS)
    assert FRONT["sdk"] == "gradio"
    assert isinstance(FRONT["sdk_version"], str)
    assert isinstance(FRONT["python_version"], str)
    assert FRONT["colorFrom"] in COLOURS
    assert FRONT["colorTo"] in COLOURS
    assert len(FRONT["short_description"]) <= 60
    assert (ROOT / FRONT["app_file"]).is_file()
    assert (FRONT["license"], FRONT["header"]) == ("apache-2.0", "mini")


def test_the_pins_are_exact_and_gradio_matches_the_space() -> None:
    """One file without references, exact top-level pins, the Gradio the Space installs."""
    wanted = pins("requirements.txt")
    assert all(re.fullmatch(r"\d+(\.\d+)+", version) for version in wanted.values())
    assert wanted["gradio[oauth,mcp]"] == FRONT["sdk_version"]
    needed = (
        "gradio[oauth,mcp] fluent-runtime httpx numpy pillow pydantic-settings sqlalchemy pytest"
    )
    assert list(wanted) == needed.split()
    for name in ("requirements-dev.txt", "requirements-local.txt", "requirements-serve.txt"):
        assert all(re.fullmatch(r"\d+(\.\d+)+\S*", v) for v in pins(name).values())


SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`(tests/[\w/]+\.py::\w+)`", SECURITY))))
def test_what_security_names_exists(named: str) -> None:
    """A promise without its test would be one nobody keeps."""
    file, _, test = named.partition("::")
    assert re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text(encoding="utf-8"), re.M)


def test_every_row_of_security_names_its_test() -> None:
    """No line of its tables promises without saying what holds it."""
    rows = [line for line in SECURITY.splitlines() if line.startswith("| ")]
    rows = [row for row in rows if not row.startswith(("| what |", "| whose |"))]
    assert len(rows) > 20
    assert all("::test_" in row for row in rows)


def test_the_lock_file_pins_every_package_by_hash() -> None:
    """It agrees with requirements.txt, and names no place that packages come from."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    locked = {}
    for entry in entries:
        name, version = re.match(r"([a-z0-9-]+)==(\S+)", entry).groups()  # type: ignore[union-attr]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), name
        locked[name] = version
    for name, version in pins("requirements.txt").items():
        assert locked[name.partition("[")[0]] == version
    assert {"uvicorn", "starlette", "pydantic", "mcp", "authlib", "jinja2"} <= set(locked)
    assert "://" not in text


def test_the_documents_link_only_to_what_exists() -> None:
    """No dead relative link."""
    for name in ("README.md", "CONTRIBUTING.md", "NOTICE.md", "CHANGELOG.md", "SECURITY.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (ROOT / target).exists(), f"{name} links to {target}"
