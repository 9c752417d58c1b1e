"""Where the model lies and whether it is whole, told from names and headers alone: no torch."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr

from core.backend import Readiness
from core.settings import Settings
from core.words import english

PACKAGES = ("torch", "diffusers", "transformers", "accelerate", "safetensors")
COMPONENTS = ("transformer", "vae", "text_encoder", "text_encoder_2", "scheduler")
PIPELINES = ("FluxPipeline", "FluxImg2ImgPipeline")
LICENCES = (
    "https://huggingface.co/black-forest-labs/FLUX.1-dev/blob/main/LICENSE.md and "
    "https://huggingface.co/tencent/SRPO/blob/main/LICENSE.txt"
)
BIG_WIDTH = 3072
"""Inner width of FLUX.1's transformer; a smaller one is somebody's own model."""


class LocalSettings(Settings):
    """What can be set for a model on this machine."""

    local_model: str = Field(
        "", description="A folder in diffusers layout, or a repo id (`repo@revision`)."
    )
    local_transformer: str = Field(
        "", description="A file or repo with SRPO's transformer, put into that model."
    )
    local_quant: Literal["auto", "bf16", "fp8", "nf4", "gguf"] = Field(
        "auto", description="`bf16`, `fp8`, `nf4`, `gguf`, or `auto`: by the memory there is."
    )
    local_speed: Literal["", "exact", "compiled", "turbo"] = Field(
        "", description="`exact`, `compiled` or `turbo`; compiled on a GPU if empty, else exact."
    )
    srpo_accept_license: bool = Field(
        False, description="1 accepts the non-commercial licences of FLUX.1 [dev] and SRPO weights."
    )
    hf_token: SecretStr | None = Field(None, description="Token for models that are gated.")


@dataclass(frozen=True, slots=True)
class Source:
    """What to load: a folder or a repo id, and a transformer to put into it, if any."""

    model: str
    revision: str | None = None
    transformer: str = ""

    @classmethod
    def of(cls, settings: LocalSettings) -> Source:
        """Read it from settings; `repo@revision` names a revision."""
        model = settings.local_model.strip()
        name, _, revision = model.partition("@")
        if is_path(model):
            name, revision = str(Path(model).expanduser()), ""
        return cls(name, revision or None, settings.local_transformer.strip())

    @property
    def folder(self) -> Path | None:
        """The folder it is in, or None when it is a repo."""
        return Path(self.model) if is_path(self.model) else None

    @property
    def name(self) -> str:
        """What to call it in a history entry; never the whole path."""
        last = Path(self.transformer).name if is_path(self.transformer) else self.transformer
        model = self.folder.resolve().name if self.folder else self.model
        return f"{model} with {last}" if last else model


def is_path(name: str) -> bool:
    """Tell a path from a repo id, which has exactly one slash and no ending of a weight file."""
    if not name:
        return False
    path = Path(name).expanduser()
    odd = name.startswith((".", "/", "~")) or name.count("/") != 1 or "\\" in name
    return odd or path.exists() or path.suffix in (".safetensors", ".gguf")


def missing() -> Readiness | None:
    """Say which packages are not installed."""
    absent = [name for name in PACKAGES if find_spec(name) is None]
    if not absent:
        return None
    return Readiness(
        "not installed",
        english("local-not-installed", names=", ".join(absent)),
    )


def examine(source: Source, *, accepted: bool) -> Readiness:
    """Say what keeps this model from being loaded, or that nothing does."""
    if not source.model:
        return Readiness(
            "no model",
            english("local-no-model-chosen-set-local"),
        )
    trouble = next(_troubles(source), "")
    if trouble:
        return Readiness("no model", trouble)
    if not accepted and _licensed(source):
        return Readiness(
            "licence",
            english("local-flux-1-dev-srpo-weights", licences=LICENCES),
        )
    return Readiness("not loaded", english("local-model-loaded-when-first-image"))


def _troubles(source: Source) -> Iterator[str]:
    if source.folder:
        yield from folder_troubles(source.folder, own_transformer=bool(source.transformer))
    if is_path(source.transformer) and not Path(source.transformer).expanduser().exists():
        yield english("local-local-transformer-names-which-does", transformer=source.transformer)
    elif Path(source.transformer).suffix == ".safetensors" and is_path(source.transformer):
        yield from _cut_off([Path(source.transformer).expanduser()])


def folder_troubles(folder: Path, *, own_transformer: bool = False) -> Iterator[str]:
    """Say what is wrong with a pipeline folder, the gravest first."""
    if not folder.exists():
        yield english("local-there-no-folder-correct-local", folder=folder)
        return
    if folder.is_file():
        yield (english("local-one-file-local-model-takes", name=folder.name))
        return
    index = _json(folder / "model_index.json")
    if not index:
        yield (english("local-folder-has-no-model-index", folder=folder))
        return
    if index.get("_class_name") not in PIPELINES:
        yield (
            english(
                "local-folder-holds-backend-works-with", folder=folder, get=index.get("_class_name")
            )
        )
        return
    for part in COMPONENTS:
        if not (part == "transformer" and own_transformer):
            yield from _part_troubles(folder / part)


def _part_troubles(part: Path) -> Iterator[str]:
    """Say what a component lacks: its folder, its configuration, a shard, the end of a file."""
    again = english("local-download-again-what-there-already")
    config = "scheduler_config.json" if part.name == "scheduler" else "config.json"
    if not _json(part / config):
        yield english("local-part-missing", part=part.name, config=config) + f" {again}"
        return
    if part.name == "scheduler":
        return
    if any(part.glob("*.incomplete")):
        yield english("local-part-interrupted", part=part.name) + f" {again}"
        return
    listed = [file for index in part.glob("*.safetensors.index.json") for file in _shards(index)]
    files = listed or sorted(part.glob("*.safetensors"))
    absent = [file.name for file in files if not file.is_file()]
    if absent or not files:
        said = english("local-weights-missing", part=part.name)
        if absent:
            names = ", ".join(absent[:3])
            said = english("local-weights-missing-named", part=part.name, names=names)
        yield f"{said} {again}"
        return
    yield from _cut_off(files)


def _shards(index: Path) -> list[Path]:
    weights = _json(index).get("weight_map", {})
    return [index.parent / name for name in sorted(set(weights.values()))]


def _cut_off(files: list[Path]) -> Iterator[str]:
    for file in files:
        if file.stat().st_size != _told_size(file):
            yield (english("local-file-not-whole-its-own", name=file.parent.name, name2=file.name))


def _told_size(file: Path) -> int:
    """Return the size in bytes that a safetensors file's header promises; -1 if it has none.

    Format: 8 bytes little-endian length of the header, the JSON header, then the tensors.
    """
    try:
        with file.open("rb") as handle:
            (length,) = struct.unpack("<Q", handle.read(8))
            if length > 100_000_000:
                return -1
            header = json.loads(handle.read(length))
        ends = [facts["data_offsets"][1] for name, facts in header.items() if name[:2] != "__"]
        return int(8 + length + max(ends, default=0))
    except (OSError, ValueError, struct.error, KeyError, TypeError):
        return -1


def _licensed(source: Source) -> bool:
    """Whether these are, or may be, the weights of FLUX.1 [dev] or SRPO."""
    if source.folder is None or (source.transformer and not is_path(source.transformer)):
        return True
    config = _json(source.folder / "transformer" / "config.json")
    width = config.get("num_attention_heads", 24) * config.get("attention_head_dim", 128)
    return bool(width >= BIG_WIDTH and config.get("guidance_embeds", True))


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def weight_bytes(folder: Path) -> dict[str, int]:
    """Return the bytes of each component's weights on disk."""
    parts = [part for part in COMPONENTS if part != "scheduler"]
    return {
        part: sum(file.stat().st_size for file in (folder / part).glob("*.safetensors"))
        for part in parts
    }
