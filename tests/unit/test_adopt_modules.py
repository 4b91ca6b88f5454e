"""Sessions and tasks for files that are there: what is added, what is left to a person, and whose text it is."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from test_framework.adopt import texts
from test_framework.adopt.modules import ByHand, added

ROOT = Path(__file__).parents[2]
NOXFILE = texts.noxfile(['"-e"', '"."'], texts.SESSIONS)
TASKS = texts.tasks()
OWN_SESSION = (
    '\n\n@nox.session(name="integration")\ndef of_mine(session):\n    """Mine."""\n    session.run("pytest")\n'
)
OWN_TASK = "\n\n@task\ndef smoke(c):\n    pass\n"


def functions(source: str) -> dict[str, str]:
    """Return the functions of a module as they are written."""
    found = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    decorated = {f.name: f.decorator_list[0].lineno if f.decorator_list else f.lineno for f in found}
    lines = source.splitlines()
    return {f.name: "\n".join(lines[decorated[f.name] - 1 : f.end_lineno]) for f in found}


def test_the_noxfile_is_as_our_own() -> None:
    """What it has in common with this repository's is the same, letter by letter, so that neither is left behind."""
    ours, made = functions((ROOT / "noxfile.py").read_text()), functions(NOXFILE.whole())
    assert made.keys() <= ours.keys()
    # What is installed, and how many workers wait for servers, is each project's own.
    own = {"install", "integration", "unit"}
    assert [name for name in made if name not in own and made[name] != ours[name]] == []


def test_the_tasks_say_what_ours_say() -> None:
    """Tasks of the same name do the same, and have the same help."""
    ours, made = functions((ROOT / "tasks.py").read_text()), functions(TASKS.whole())
    docstring = re.compile(r'""".*"""')
    told = {name: docstring.findall(ours[name]) for name in TASKS.offered}
    assert told == {name: docstring.findall(made[name]) for name in TASKS.offered}
    assert all(told.values())


def test_a_file_that_is_whole_stays() -> None:
    """There is nothing to add to what was written before, also after a person has changed what a helper does."""
    whole = NOXFILE.whole()
    assert added("noxfile.py", whole.encode(), NOXFILE) is None
    mine = whole.replace('session.install("-e", ".")', 'session.install("mine")')
    assert mine != whole
    assert added("noxfile.py", mine.encode(), NOXFILE) is None
    without = mine[: mine.index("@nox.session\ndef smoke")].rstrip() + "\n"
    made = added("noxfile.py", without.encode(), NOXFILE)
    assert made == mine.encode()


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("end", ["", "\n", "\n\n\n"])
def test_sessions_are_put_at_the_end(newline: str, end: str) -> None:
    """Below what is there, with its line endings; a session of the same name is left as it is."""
    before = ("# -*- coding: latin-1 -*-\n# caf\xe9\nimport nox" + OWN_SESSION.rstrip() + end).replace("\n", newline)
    made = added("noxfile.py", before.encode("latin-1"), NOXFILE)
    assert made is not None
    text = made.decode("latin-1")
    assert text.startswith(before)
    assert text.replace("\r\n", "").count("\n") == (0 if newline == "\r\n" else text.count("\n"))
    found = functions(text.replace("\r\n", "\n"))
    assert found.keys() == {"of_mine", "install", "tier", "unit", "smoke"}
    assert "    import json\n    import os\n    from pathlib import Path\n\n    install(session)" in found["tier"]
    assert text.replace("\r\n", "\n").partition('session.run("pytest")')[2].startswith("\n\n\nPROJECT = ")


def test_imports_that_are_there_are_used() -> None:
    """A helper imports what the head of the file does not."""
    before = b"import json\nimport os\nfrom pathlib import Path, PurePath\n\nimport nox\n"
    made = (added("noxfile.py", before, NOXFILE) or b"").decode()
    assert functions(made)["tier"] == functions(NOXFILE.whole())["tier"]


def test_tasks_are_put_at_the_end() -> None:
    """Those that are missing."""
    made = (added("tasks.py", b"import sys\nfrom invoke import Context, task\n", TASKS) or b"").decode()
    assert functions(made).keys() == {"module", "smoke", "doctor"}
    assert functions(made)["module"].count("import") == 1
    made = (added("tasks.py", f"from invoke.tasks import task{OWN_TASK}".encode(), TASKS) or b"").decode()
    assert functions(made).keys() == {"module", "smoke", "doctor"}
    assert functions(made)["smoke"].endswith("pass")


@pytest.mark.parametrize(
    ("path", "before", "why"),
    [
        (
            "noxfile.py",
            "import nox\n\n\ndef install(session):\n    pass\n",
            "it has something else of the name `install`",
        ),
        ("noxfile.py", "import nox\n\nunit = 3\n", "it has something else of the name `unit`"),
        ("noxfile.py", "import nox\n\nif nox:\n    def unit(): ...\n", "it has something else of the name `unit`"),
        ("noxfile.py", "from nox import session\n", "it has no `import nox`"),
        ("noxfile.py", "import nox as n\n", "it has no `import nox`"),
        ("tasks.py", "from celery import shared_task\n", "it has no `from invoke import task`"),
        ("tasks.py", "from invoke import Collection, task\n\nns = Collection()\n", "its tasks are listed in `ns`"),
    ],
)
def test_what_somebody_wrote_is_not_changed(path: str, before: str, why: str) -> None:
    """Where it would have to be, the text to add is told."""
    module = NOXFILE if path == "noxfile.py" else TASKS
    with pytest.raises(ByHand) as told:
        added(path, before.encode(), module)
    head, _, text = str(told.value).partition("\n\n")
    assert head == f"{path} is left as it is, since {why}. To add by hand:"
    assert functions(text).keys() >= module.offered.keys()


@pytest.mark.parametrize("name", ["ns", "namespace"])
def test_what_is_told_for_tasks_that_are_listed_works(name: str, tmp_path: Path) -> None:
    """As it stands, below the list: it imports what it uses, and adds the tasks that were missing."""
    before = f"from invoke import Collection, task\n{OWN_TASK}\n\n{name} = Collection(smoke)\n"
    with pytest.raises(ByHand) as told:
        added("tasks.py", before.encode(), TASKS)
    after = before + str(told.value).partition("\n\n")[2]
    assert added("tasks.py", after.encode(), TASKS) is None
    (tmp_path / "tasks.py").write_text(after)
    result = subprocess.run(
        [sys.executable, "-m", "invoke", "doctor"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "services:\n" in result.stdout


def test_what_is_told_for_a_file_without_the_import_works() -> None:
    """It has the import."""
    with pytest.raises(ByHand) as told:
        added("noxfile.py", b"from nox import session\n", NOXFILE)
    text = str(told.value).partition("\n\n")[2]
    assert text.startswith("import nox\n\n\nPROJECT = ")
    assert added("noxfile.py", f"from nox import session\n{text}".encode(), NOXFILE) is None


def test_a_file_that_python_cannot_read() -> None:
    """It is left as it is, and its line is told."""
    with pytest.raises(ByHand, match=r"noxfile.py is left as it is, since Python cannot read it: line 2: "):
        added("noxfile.py", b"import nox\ndef unit(:\n", NOXFILE)
