"""Brings a model from the hub into its cache, with progress, and says clearly when it cannot."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

from backends.local.source import Source, is_path
from core.errors import NotReadyError, PlaygroundError
from core.words import english

WANTED = ["model_index.json", "*/*.json", "*/*.txt", "*/*.model", "*/*.safetensors"]
SRPO_FILE = "diffusion_pytorch_model.safetensors"
"""The one file of weights in `tencent/SRPO`."""

Tell = Callable[[float], None]
"""Hears the share that is there, 0..1."""


def pipeline_folder(source: Source, token: str | None, tell: Tell, **hub: Any) -> Path:
    """Return the folder of the pipeline; a repo is downloaded, what is there is kept.

    Raises NotReadyError with what to do. `hub` goes to `snapshot_download` as it is.
    """
    if source.folder:
        return source.folder
    from huggingface_hub import snapshot_download

    unwanted = ["transformer/*.safetensors"] if source.transformer else []
    try:
        found = snapshot_download(
            source.model,
            revision=source.revision,
            token=token,
            allow_patterns=WANTED,
            ignore_patterns=unwanted,
            tqdm_class=_bar(tell),
            **hub,
        )
    except Exception as error:
        raise explained(source.model, error) from error
    return Path(found)


def transformer_file(source: Source, token: str | None, **hub: Any) -> Path | None:
    """Return the file or folder of the transformer that is put in, or None when there is none.

    `owner/name` means SRPO's file in that repo, `owner/name/file` another one.
    """
    name = source.transformer
    if not name:
        return None
    parts = name.split("/")
    if Path(name).expanduser().exists() or not (len(parts) == 3 or not is_path(name)):
        return Path(name).expanduser()
    from huggingface_hub import hf_hub_download

    repo, file = "/".join(parts[:2]), "/".join(parts[2:]) or SRPO_FILE
    try:
        return Path(hf_hub_download(repo, file, token=token, **hub))
    except Exception as error:
        raise explained(repo, error) from error


def explained(repo: str, error: Exception) -> PlaygroundError:
    """Say in a sentence why a repo could not be had."""
    from huggingface_hub import errors

    match error:
        case PlaygroundError():
            return error
        case errors.GatedRepoError():
            return NotReadyError(
                english("local-repo-gated", repo=repo),
                advice=english("local-accept-its-terms-at-https", repo=repo),
            )
        case errors.RepositoryNotFoundError():
            return NotReadyError(
                english("local-there-no-repo-or-private", repo=repo),
                advice=english("local-correct-local-model-or-local"),
            )
        case errors.RevisionNotFoundError() | errors.EntryNotFoundError() if not isinstance(
            error, errors.LocalEntryNotFoundError
        ):
            return NotReadyError(
                english("local-repo-does-not-have-named", repo=repo),
                advice=english("local-correct-local-model-or-local-2"),
            )
        case errors.HFValidationError():
            return NotReadyError(
                english("local-neither-folder-nor-name-repo", repo=repo[:80]),
                advice=english("local-correct-local-model"),
            )
        case OSError() if error.errno == errno.ENOSPC:
            return NotReadyError(
                english("local-disk-full-so-model-could"),
                advice=english("local-make-room-or-set-hf"),
            )
    return NotReadyError(
        english("local-repo-could-not-reached-not", repo=repo),
        advice=english("local-check-network-or-set-local"),
    )


def _bar(tell: Tell) -> type[Any]:
    """Make the class that the hub reports to; of its bars one counts the bytes of all files."""
    from tqdm.auto import tqdm

    class Bar(tqdm):  # type: ignore[misc]
        """Counts silently and tells the share."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            self._bytes = options.pop("name", None) == "huggingface_hub.snapshot_download"
            super().__init__(*arguments, **{**options, "disable": True})
            self._seen = 0.0
            self.total = options.get("total") or 0

        def update(self, n: float | None = 1) -> bool | None:
            self._seen += n or 0
            if self._bytes and self.total:
                tell(min(1.0, self._seen / self.total))
            return None

    return Bar
