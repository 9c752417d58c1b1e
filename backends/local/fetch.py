"""Brings a model from the hub into its cache, with progress, and says clearly when it cannot."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

from backends.local.source import Source, is_path
from core.errors import NotReadyError, PlaygroundError

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
                f"The repo {repo} is gated.",
                advice=f"Accept its terms at https://huggingface.co/{repo} and set HF_TOKEN to a "
                "token of that account.",
            )
        case errors.RepositoryNotFoundError():
            return NotReadyError(
                f"There is no repo {repo}, or it is private.",
                advice="Correct LOCAL_MODEL or LOCAL_TRANSFORMER, or set HF_TOKEN.",
            )
        case errors.RevisionNotFoundError() | errors.EntryNotFoundError() if not isinstance(
            error, errors.LocalEntryNotFoundError
        ):
            return NotReadyError(
                f"The repo {repo} does not have the named revision or file.",
                advice="Correct LOCAL_MODEL or LOCAL_TRANSFORMER.",
            )
        case errors.HFValidationError():
            return NotReadyError(
                f"“{repo[:80]}” is neither a folder nor the name of a repo.",
                advice="Correct LOCAL_MODEL.",
            )
        case OSError() if error.errno == errno.ENOSPC:
            return NotReadyError(
                "The disk is full, so the model could not be downloaded.",
                advice="Make room, or set HF_HOME to a larger disk.",
            )
    return NotReadyError(
        f"The repo {repo} could not be reached, and it is not in the cache.",
        advice="Check the network, or set LOCAL_MODEL to a folder.",
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
