"""Real projects with large suites: where their source comes from, and an environment for each."""

from __future__ import annotations

import shutil
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.archives import archive, environment, pip

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PROJECTS", "Place", "RealProject", "prepared"]


@dataclass(frozen=True, slots=True)
class RealProject:
    """A project on PyPI whose source archive holds its tests.

    Args:
        requirement: the distribution, with its version.
        package: the folder of the package in the archive.
        tests: what pytest is given.
        needs: what its tests need installed, dependency groups as `group:NAME` and extras as `extra:NAME`.
        on_path: folders of the archive that an editable installation puts on the path.
        beside: folders with further modules that tests import.
        hidden: packages that a mutation may take away.
    """

    requirement: str
    package: str
    tests: tuple[str, ...]
    needs: tuple[str, ...]
    hidden: tuple[str, ...]
    on_path: tuple[str, ...] = (".",)
    beside: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the name without the version."""
        return self.requirement.partition("==")[0]


@dataclass(frozen=True, slots=True)
class Place:
    """A project as it lies on this machine: its tree, and the interpreter that has what it needs."""

    project: RealProject
    root: Path
    python: Path

    @property
    def site_packages(self) -> Path:
        """Return the folder of the installed packages."""
        return next((self.python.parents[1] / "lib").glob("python3*/site-packages"))


PROJECTS = (
    RealProject(
        "networkx==3.6.1",
        "networkx",
        ("networkx",),
        ("pytest", "numpy", "scipy", "pandas", "lxml"),
        ("numpy", "scipy", "lxml"),
    ),
    RealProject("sympy==1.14.0", "sympy", ("sympy",), ("pytest", "mpmath", "hypothesis"), ("mpmath", "hypothesis")),
    RealProject(
        "sqlalchemy==2.1.9",
        "lib/sqlalchemy",
        ("test",),
        ("pytest", "typing_extensions", "greenlet", "aiosqlite", "mypy"),
        ("greenlet", "aiosqlite", "mypy"),
        ("lib",),
    ),
    RealProject(
        "fastapi==0.165.0",
        "fastapi",
        ("tests",),
        (".", "extra:standard", "extra:all", "group:tests"),
        ("dirty_equals", "sqlmodel", "inline_snapshot", "jwt", "pwdlib", "strawberry"),
        beside=("docs_src",),
    ),
    RealProject(
        "dask==2026.8.0",
        "dask",
        ("dask",),
        (".", "extra:complete", "extra:test", "pytest-cov"),
        ("pyarrow", "distributed", "pandas"),
    ),
)


def prepared(project: RealProject, cache: Path) -> Place:
    """Return the project's tree as it was published, and its environment; both are made when they are not there.

    Raises:
        CaseFailed: pip could not download or install something.
        subprocess.CalledProcessError: An environment could not be made.
    """
    folder = project.requirement.replace("==", "-")
    root = cache / folder
    python = cache / f"venv-{project.name}" / "bin" / "python"
    place = Place(project, root, python)
    done = python.parents[1] / "proof-ready"
    if not done.exists():
        environment(python.parents[1])
    published = archive(python, project.requirement, cache / "archives")
    # Always as published: a run that was killed may have left its damage.
    shutil.rmtree(root, ignore_errors=True)
    with tarfile.open(published) as packed:
        packed.extractall(cache, filter="data")
    if not done.exists():
        pip(python, "install", *_requirements(project, root))
        # What an editable installation does; a real one would need the build tools of each project.
        pip(python, "uninstall", "--yes", project.name)
        paths = "".join(f"{(root / path).resolve()}\n" for path in project.on_path)
        (place.site_packages / "proof.pth").write_text(paths, encoding="utf-8")
        done.touch()
    for moved in place.site_packages.glob("*.proof-hidden"):
        moved.rename(moved.with_suffix(""))
    return place


def _requirements(project: RealProject, root: Path) -> list[str]:
    found = []
    extras = ",".join(need.removeprefix("extra:") for need in project.needs if need.startswith("extra:"))
    for need in project.needs:
        if need.startswith("group:"):
            found += ["--group", f"{root / 'pyproject.toml'}:{need.removeprefix('group:')}"]
        elif need == ".":
            found.append(f"{project.name}[{extras}]=={project.requirement.partition('==')[2]}")
        elif not need.startswith("extra:"):
            found.append(need)
    return found
