"""Starts the playground: settings, backends, store, studio, page, launch; no logic."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

# NumPy reads it when it is first imported: the miniature's small products are quicker on one
# thread, and the others' waiting would take the processor from whoever serves the page.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import backends
from core import check, examples, live_check, redact
from core import settings as configuration
from core.errors import HeldError, HistoryError, InputError, NewerError, PlaygroundError
from core.exposure import exposure
from core.history import History, backup, moving, open_jobs, rebuild
from core.jobs.ledger import Ledger
from core.jobs.limits import Policy
from core.money import dollars, micros
from core.own_keys import OwnKeys
from core.rescue import rescued
from core.settings import Settings
from core.storage import lock
from core.storage.database import Database
from core.storage.files import Storage
from core.studio import Studio
from core.tokens import Tokens
from ui import cli, launch


def main() -> None:
    """Run the server until it is stopped, or check what it stands on."""
    command = cli.read()
    try:
        settings = configuration.load(backends.Settings)
        mask = redact.install(settings.secrets())
        if command.live:
            sys.exit(report_live(settings, command.spend_usd))
        if command.check:
            sys.exit(report(settings))
        if command.rebuild:
            sys.exit(asyncio.run(make_database(settings)))
        if command.export_to or command.import_from:
            sys.exit(asyncio.run(move(settings, command)))
        if command.backup:
            sys.exit(asyncio.run(back_up(settings, command.backup)))
        if command.examples:
            sys.exit(asyncio.run(make_examples(settings)))
        run(settings, mask)
    except PlaygroundError as error:
        sys.exit(f"{error} {error.advice}".strip())


async def make_examples(settings: Settings) -> int:
    """Make the examples with the backend that is set, or the model of this machine."""
    made = backends.create(settings)
    name = settings.srpo_backend or "local"
    if name not in made:
        raise InputError(f"SRPO_BACKEND names “{name}”, which is not a backend.")
    found = []
    async for example in examples.make(made[name]):
        found.append(example)
        sys.stdout.write(f"{len(found)} of {len(examples.PROMPTS)}: {example['prompt']}\n")
    examples.keep(found, settings.srpo_data_dir / examples.NAME)
    await asyncio.gather(*(one.aclose() for one in made.values()))
    return 0


async def make_database(settings: Settings) -> int:
    """Add to the database what the images and their records tell, and say how far it is."""
    held: list[lock.Lock | None] = []
    try:
        held.append(lock.hold(settings.srpo_data_dir))
        held.append(lock.hold_database(settings.database))
        database, aside = await rebuild.opened(settings.database, held[-1])
        if aside:
            sys.stdout.write(f"The damaged database is now {aside}.\n")
        history = History(database, Storage(settings.storage))
        async for made in rebuild.rebuild(history):
            sys.stdout.write(
                f"{made.done} of {made.total} images looked at, {made.added} added, "
                f"{made.unreadable} tell nothing.\n"
            )
            sys.stdout.flush()
        await database.aclose()
    finally:
        for one in filter(None, held):
            one.close()
    return 0


async def move(settings: Settings, command: cli.Command) -> int:
    """Export or import images, and say how far it is and what was left out, and why."""
    held: list[lock.Lock | None] = []
    try:
        held.append(lock.hold(settings.srpo_data_dir))
        held.append(lock.hold_database(settings.database))
        database = Database(settings.database, lock=held[-1])
        await database.migrate()
        history = History(database, Storage(settings.storage))
        if command.with_jobs and held[-1] is None:
            raise InputError(
                "Here nothing can tell whether another process works on the database, so no open "
                "job moves.",
                advice="Leave out --with-jobs.",
            )
        if command.with_jobs and await jobs_moved_before(history, command):
            return 0
        if command.export_to:
            steps = moving.export_to(history, command.export_to, owner=command.owner)
        elif command.import_from:
            steps = moving.import_from(history, command.import_from, owner=command.owner)
        async for moved in steps:
            for sentence in moved.said:
                sys.stdout.write(f"note  {sentence}\n")
            sys.stdout.write(f"{moved.done} of {moved.total} looked at, {moved.images} moved.\n")
            sys.stdout.flush()
        if command.export_to:
            await tell_of_jobs(history, command, command.export_to)
        elif command.import_from and (command.import_from / open_jobs.READY).is_file():
            sys.stdout.write(
                "The folder has open jobs, which --with-jobs takes. Only from a folder of your "
                "own: what waits is sent.\n"
            )
        await database.aclose()
    finally:
        for one in filter(None, held):
            one.close()
    return 0


async def jobs_moved_before(history: History, command: cli.Command) -> bool:
    """Take open jobs, which sets need, or finish an export; return whether that was all."""
    if command.import_from:
        taken, said = await open_jobs.take_over(history, command.import_from, owner=command.owner)
        if taken:
            cost = dollars(micros(open_jobs.may_cost_usd(taken)))
            said = [
                f"{len(taken)} open jobs go on at the next start; those that wait may cost {cost}."
            ]
        sys.stdout.write("".join(f"note  {sentence}\n" for sentence in said))
    elif command.export_to:
        finished = await open_jobs.finish(history, command.export_to)
        if finished is not None:
            sys.stdout.write(f"The export is complete now: {finished} open jobs left with it.\n")
            return True
    return False


async def tell_of_jobs(history: History, command: cli.Command, folder: Path) -> None:
    """Let open jobs go with an export where that was asked for, and say which are still here."""
    if command.with_jobs:
        number, said = await open_jobs.hand_over(history, folder)
        sys.stdout.write("".join(f"note  {sentence}\n" for sentence in said))
        sys.stdout.write(
            f"{number} open jobs left with it: import the folder once, with --with-jobs.\n"
        )
    left = dict(await open_jobs.counted(history))
    own = left.pop("own", 0)
    if left:
        names = {"waiting": "waiting", "unknown": "in doubt"}
        told = ", ".join(f"{number} {names.get(one, 'sent')}" for one, number in left.items())
        sys.stdout.write(
            f"{sum(left.values())} open jobs stay here ({told}) and go on when the playground "
            "starts here again; --with-jobs moves them.\n"
        )
    if own:
        sys.stdout.write(
            f"{own} open jobs of visitors' own keys stay here: each goes on when its key is "
            "entered here again.\n"
        )


async def back_up(settings: Settings, target: Path) -> int:
    """Copy an installation to one file, also while another process works on it."""
    made = None
    async for made in backup.back_up(settings.database, Storage(settings.storage), target):
        sys.stdout.write(f"{made.files} files are in the backup.\n")
        sys.stdout.flush()
    if made and not made.database:
        sys.stdout.write(
            "The database is on a server and not in it: copy that with pg_dump, right before. "
            "From the files alone, `app.py --rebuild` makes all but what is still under way.\n"
        )
    return 0


def report(settings: Settings) -> int:
    """Say what is well and what is not; return the exit status."""
    lines = asyncio.run(check.check(settings, backends.create(settings)))
    for well, sentence in lines:
        _say(well, sentence)
    return 0 if all(well for well, _ in lines) else 1


def report_live(settings: Settings, spend_usd: float | None) -> int:
    """Ask the services and say what departs; return the exit status. What is spent is kept."""
    held: list[lock.Lock | None] = []
    ledger = None
    try:
        if spend_usd is not None:
            held.append(lock.hold(settings.srpo_data_dir))
            held.append(lock.hold_database(settings.database))
            ledger = Ledger(Database(settings.database, lock=held[-1]), settings.budget)
            asyncio.run(ledger.database.migrate())
        checking = live_check.LiveCheck(_say, ledger, spend_usd or 0.0)
        return 0 if asyncio.run(_checked(checking, settings, ledger)) else 1
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        for one in filter(None, held):
            one.close()


async def _checked(
    checking: live_check.LiveCheck, settings: Settings, ledger: Ledger | None
) -> bool:
    made = backends.create(settings).values()
    try:
        return await checking.run(made)
    finally:
        for backend in made:
            await backend.aclose()
        if ledger:
            await ledger.database.aclose()


def _say(well: bool | None, sentence: str) -> None:
    mark = "note " if well is None else "well " if well else "WRONG"
    sys.stdout.write(f"{mark} {sentence}\n")
    sys.stdout.flush()


INTERRUPTED = 130
"""Exit status of a program that was stopped from the keyboard."""


def run(settings: Settings, mask: redact.Redactor) -> None:
    """Build the world from settings and serve it; what cannot be written is still shown."""
    held: list[lock.Lock | None] = []
    trouble = None
    try:
        held.append(lock.hold(settings.srpo_data_dir))
        held.append(lock.hold_database(settings.database))
        database = Database(settings.database, lock=held[-1])
        history = History(database, Storage(settings.storage))
        asyncio.run(database.migrate())
    except (HeldError, NewerError):
        raise  # what another process or a newer version works on is not even shown
    except HistoryError as error:
        trouble = error
        history = asyncio.run(rescued(settings))
        database = history.database
    own = OwnKeys(partial(backends.with_key, settings), backends.KEYED, mask)
    policy = Policy.of(settings, exposure(settings, os.environ))
    ledger = Ledger(database, settings.budget)
    studio = Studio(
        backends.create(settings),
        ledger,
        history,
        own=own,
        policy=policy,
        wildcards=settings.srpo_data_dir / "wildcards",
        trash_days=settings.srpo_trash_days,
        sharing=settings.srpo_share,
    )
    studio.closed = trouble
    tokens = Tokens(database)

    @asynccontextmanager
    async def life(_app: object) -> AsyncIterator[None]:
        await tokens.load()
        if not trouble:
            await studio.start()
        yield
        await studio.aclose()
        await database.aclose()
        for one in filter(None, held):
            one.close()

    launch.serve(studio, tokens, settings, life)


if __name__ == "__main__":
    main()
