"""Sends a built folder to the hub: says first what it sends, and names what only its owner adds."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator

from core.errors import InputError, NotReadyError, PlaygroundError
from deploy.space.build import FACTS
from deploy.space.check import examined
from deploy.space.kinds import GPU, SMALL_GPU
from deploy.space.replay import Space
from deploy.space.upload_rules import files

MOUNTED = "/data"
"""Where a bucket is found in the Space."""
FRESH = frozenset({".gitattributes", "README.md"})
"""What the hub puts into a new Space."""
PAID = frozenset({GPU.hardware, SMALL_GPU.hardware})
HUB = "https://huggingface.co"


def publish(
    space: Space, repo: str, *, private: bool = False, bucket: str = "", dry_run: bool = False
) -> int:
    """Show what is sent, and send it unless it is a dry run; raises InputError, NotReadyError.

    Secrets are named, never sent. Hardware that costs money is chosen by the owner on the hub.
    """
    for name in filter(None, (repo, bucket)):
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
            raise InputError(f"“{name}” is no name on the hub.", advice="Write it as owner/name.")
    wrong = [sentence for well, sentence in examined(space) if not well]
    if wrong or not space.facts:
        said = " ".join(wrong) or f"{space.folder} was not built by `python -m deploy.space build`."
        raise InputError(said)
    told = space.variables | ({"SRPO_DATA_DIR": MOUNTED} if bucket else {})
    _say(*_shown(space, repo, told, bucket, private=private))
    if dry_run:
        _say("", "This was a dry run: nothing was sent.", *_to_do(space, repo, bucket))
        return 0
    _send(space, repo, told, bucket, private=private)
    _say("", f"Sent. The hub builds it now: {hub()}/spaces/{repo}", *_to_do(space, repo, bucket))
    return 0


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")


def hub() -> str:
    """Return where the hub is, as its library is told."""
    return os.environ.get("HF_ENDPOINT", HUB).rstrip("/")


def _shown(
    space: Space, repo: str, told: dict[str, str], bucket: str, *, private: bool
) -> Iterator[str]:
    found = files(space.folder)
    seen = "only you see it" if private else "everybody can see it"
    yield f"To {hub()}/spaces/{repo}, where {seen}:"
    for one in found:
        yield f"  {one.size:>9,}  {one.path}{'  (through LFS or Xet)' if one.needs_rule else ''}"
    size = sum(one.size for one in found) / 1e6
    yield f"{len(found)} files, {size:.1f} MB. What else lies there is removed."
    yield f"Hardware: {space.facts['hardware']}. It costs {space.facts['cost']}."
    for name, value in told.items():
        yield f"Variable: {name}={value}"
    if bucket:
        yield f"Storage: the bucket {bucket}, mounted at {MOUNTED}"


def _to_do(space: Space, repo: str, bucket: str) -> Iterator[str]:
    """Say what is left to the owner."""
    settings = f"{hub()}/spaces/{repo}/settings"
    if space.facts["hardware"] in PAID:
        yield f"Choose the hardware {space.facts['hardware']} at {settings}; it costs from then on."
    if not bucket:
        yield "Without --bucket, images live until the Space sleeps."
    yield f"If you want them, add these secrets at {settings}:"
    for name, what in space.facts["secrets"].items():
        yield f"  {name}: {what}"


def _send(space: Space, repo: str, told: dict[str, str], bucket: str, *, private: bool) -> None:
    """Make the Space if there is none, tell it its variables, then send the files in one go.

    The variables come first, so that the first start knows them.
    """
    from huggingface_hub import HfApi  # noqa: PLC0415 - comes with Gradio, and loads slowly

    api = HfApi(endpoint=hub())
    hardware = space.facts["hardware"]
    asked = {} if hardware in PAID else {"space_hardware": hardware}
    try:
        api.create_repo(
            repo, repo_type="space", space_sdk="gradio", private=private, exist_ok=True, **asked
        )
        there = set(api.list_repo_files(repo, repo_type="space"))
        if there - FRESH and FACTS not in there:
            raise InputError(
                f"The Space {repo} holds another program, which would be removed.",
                advice="Choose another name, or delete that Space first.",
            )
        if bucket:
            from huggingface_hub import Volume  # noqa: PLC0415 - older ones have none

            api.create_bucket(bucket, private=True, exist_ok=True)
            mounted = Volume(type="bucket", source=bucket, mount_path=MOUNTED)
            api.set_space_volumes(repo, [mounted])
        for name, value in told.items():
            api.add_space_variable(repo, name, value)
        api.upload_folder(
            repo_id=repo,
            repo_type="space",
            folder_path=space.folder,
            commit_message="Update the playground",
            delete_patterns="*",
        )
    except PlaygroundError:
        raise
    except Exception as error:
        raise _explained(error, repo) from error


SIGN_IN = "Run `hf auth login`, or set HF_TOKEN to a token that may write."


def _explained(error: Exception, repo: str) -> NotReadyError:
    """Say in a sentence what the hub did not do; its library's errors are of many kinds."""
    answer = getattr(error, "response", None)
    match getattr(answer, "status_code", 0):
        case 401:
            return NotReadyError("The hub does not know you.", advice=SIGN_IN)
        case 402:
            return NotReadyError(
                f"The hub asks for a paid plan to make {repo}.",
                advice="A free account may have two Spaces of --kind zero.",
            )
        case 403:
            return NotReadyError(f"The hub does not let you write to {repo}.", advice=SIGN_IN)
    said = getattr(error, "server_message", None) or f"{type(error).__name__}: {error}"
    return NotReadyError(f"The hub did not take it. {said}")
