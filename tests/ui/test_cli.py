"""The command line: what is asked for together, and what is refused before anything is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from ui import cli


@pytest.mark.parametrize(
    ("flags", "command"),
    [
        ("", cli.Command()),
        ("--check", cli.Command(check=True)),
        ("--rebuild", cli.Command(rebuild=True)),
        ("--export a", cli.Command(export_to=Path("a"))),
        ("--import a --owner ann", cli.Command(import_from=Path("a"), owner="ann")),
        ("--export a --with-jobs", cli.Command(export_to=Path("a"), with_jobs=True)),
        ("--backup a.zip", cli.Command(backup=Path("a.zip"))),
        ("--check --live", cli.Command(check=True, live=True)),
        ("--live --check --spend 0.10", cli.Command(True, True, 0.10)),
    ],
)
def test_what_is_done_instead_of_serving(flags: str, command: cli.Command) -> None:
    """Nothing is spent that was not asked for."""
    assert cli.read(flags.split()) == command


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ("--owner ann", "--owner goes with --export or --import"),
        ("--export a --import b", "one after the other"),
        ("--with-jobs", "--with-jobs goes with --export or --import"),
        ("--export a --owner ann --with-jobs", "goes without --owner"),
        ("--live", "--live goes with --check"),
        ("--check --spend 1", "--spend goes with --check --live"),
        *(
            (f"--check --live --spend={sum_}", "--spend")
            for sum_ in ("nan", "0", "-1", "inf", "1000", "x")
        ),
    ],
)
def test_flags_that_do_not_fit_are_refused(
    flags: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a sentence and status 2."""
    with pytest.raises(SystemExit) as caught:
        cli.read(flags.split())
    assert caught.value.code == 2
    assert sentence in capsys.readouterr().err
