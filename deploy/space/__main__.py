"""The command line: `python -m deploy.space build`, `check` and `publish`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from core.errors import PlaygroundError
from deploy.space import publish
from deploy.space.build import build
from deploy.space.check import IMAGE_S, PAGE_S, Check, check
from deploy.space.kinds import LICENCE, MODEL, Plan
from deploy.space.replay import Space

LICENCES = (
    "yes: you have read the licences of FLUX.1 [dev] and SRPO, which allow non-commercial and "
    f"academic use, and accept them. The Space is then told {LICENCE}=1 and fetches the weights; "
    "without this option it loads none of them"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what was asked; return the exit status."""
    asked = _parser().parse_args(arguments)
    try:
        match asked.command:
            case "build":
                return _build(asked)
            case "check":
                return _check(asked)
            case _:
                return publish.publish(
                    Space.of(asked.folder),
                    asked.repo,
                    private=asked.private,
                    bucket=asked.bucket,
                    dry_run=asked.dry_run,
                )
    except PlaygroundError as error:
        sys.stderr.write(f"{error} {error.advice}".strip() + "\n")
        return 1


def _build(asked: argparse.Namespace) -> int:
    plan = Plan.of(
        asked.kind,
        accepted=asked.accept_licence,
        quant=asked.quant,
        model=asked.model,
        transformer=asked.transformer,
    )
    found = build(plan, asked.folder)
    size = sum(one.size for one in found) / 1e6
    sys.stdout.write(
        f"{asked.folder} is a Space for {plan.kind.hardware}: {len(found)} files, {size:.1f} MB. "
        f"It costs {plan.kind.cost}.\n"
    )
    if plan.kind.paints and not plan.accepted:
        sys.stdout.write(
            "SRPO's own weights stay out of it until you accept their licences: --accept-licence, "
            f"or later the variable {LICENCE}=1. Until then the miniature and the services work.\n"
        )
    return 0


def _check(asked: argparse.Namespace) -> int:
    return check(
        Check(
            Space.of(asked.folder),
            asked.python,
            asked.environment,
            more=dict(asked.set),
            stand_in=asked.stand_in,
            page_s=asked.page_within,
            image_s=asked.image_within,
        )
    )


def _variable(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (name and sign):
        raise argparse.ArgumentTypeError("it takes NAME=VALUE")
    return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.space", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    made = commands.add_parser("build", help="write the folder of a Space")
    made.add_argument("folder", type=Path, help="empty, new, or built before")
    made.add_argument("--kind", required=True, choices=("zero", "cpu", "gpu"))
    made.add_argument("--accept-licence", action="store_true", help=LICENCES.replace("%", "%%"))
    made.add_argument("--model", default="", metavar="REPO", help=f"instead of {MODEL}")
    made.add_argument(
        "--quant",
        default="bf16",
        choices=("bf16", "nf4", "gguf"),
        help="the weights: as they are, or in 4 bits",
    )
    made.add_argument(
        "--transformer",
        default="",
        metavar="REPO/FILE",
        help="a transformer that is put into the model, such as one in a .gguf file",
    )
    tried = commands.add_parser("check", help="do here what the hub does with it")
    tried.add_argument("folder", type=Path)
    tried.add_argument("--python", type=Path, metavar="FILE", help="run it on this interpreter")
    tried.add_argument(
        "--environment", type=Path, metavar="FOLDER", help="keep what is installed for next time"
    )
    tried.add_argument(
        "--set",
        type=_variable,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a variable",
    )
    tried.add_argument(
        "--stand-in", type=Path, metavar="FOLDER", help="with a package spaces that lends a GPU"
    )
    tried.add_argument("--page-within", type=float, default=PAGE_S, metavar="SECONDS")
    tried.add_argument("--image-within", type=float, default=IMAGE_S, metavar="SECONDS")
    sent = commands.add_parser("publish", help="send it to the hub")
    sent.add_argument("folder", type=Path)
    sent.add_argument("--repo", required=True, metavar="OWNER/NAME")
    sent.add_argument("--private", action="store_true", help="nobody else sees it")
    sent.add_argument(
        "--bucket", default="", metavar="OWNER/NAME", help="storage that is mounted at /data"
    )
    sent.add_argument("--dry-run", action="store_true", help="only say what would be sent")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
