"""What `check` says of folders that the hub could not run, and of this checkout sent as it is."""

from __future__ import annotations

import shutil
from pathlib import Path

from deploy.space import builder, front_matter
from deploy.space.check import Check
from deploy.space.replay import Environment, Space

ROOT = Path(__file__).parents[3]


def wrong(environment: Environment, folder: Path) -> list[str]:
    """Check a folder; return what is wrong with it."""
    chosen = Check(Space.of(folder), environment.chosen, environment.folder)
    return [sentence for well, sentence in chosen.lines() if not well]


def test_a_module_that_was_forgotten_is_named(environment: Environment, open_folder: Path) -> None:
    """Before anything is started."""
    shutil.copytree(environment.space.folder, folder := open_folder / "forgotten")
    (folder / "ui" / "theme.py").unlink()
    (said,) = wrong(environment, folder)
    assert said.startswith("Not all of its modules can be imported")
    assert "No module named 'ui.theme'" in said


def test_a_program_that_stops_at_the_start_is_heard(
    environment: Environment, open_folder: Path
) -> None:
    """The end of its log is shown, as the hub shows it."""
    broken = "if __name__ == '__main__':\n    raise SystemExit('no luck today')\n"
    shutil.copytree(environment.space.folder, folder := open_folder / "stopped")
    app = (folder / "app.py").read_text(encoding="utf-8")
    main = 'if __name__ == "__main__":'
    (folder / "app.py").write_text(app.replace(main, broken + main), encoding="utf-8")
    (said,) = wrong(environment, folder)
    assert said.startswith("It stopped before it showed a page.")
    assert "no luck today" in said


def test_this_checkout_installs_when_it_is_uploaded_as_it_is(
    environment: Environment, open_folder: Path
) -> None:
    """Its own front matter and requirements resolve with what the builder adds."""
    copy = open_folder / "upload"
    copy.mkdir(mode=0o755)
    shutil.copyfile(ROOT / "requirements.txt", copy / "requirements.txt")
    line = builder.pip_line(front_matter.read(ROOT / "README.md"))
    done = environment.run(
        [str(environment.python), "-m", "pip", line[0], "--dry-run", *line[1:]], copy
    )
    assert done.returncode == 0, done.stdout
