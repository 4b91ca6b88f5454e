"""Which lines were run, over all tiers: measured by pytest-cov in each, and put together at the end."""

from __future__ import annotations

import os
from contextlib import chdir
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from test_framework.config import BadSetting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from test_framework.config import Settings

MISSING = "coverage: off, since pytest-cov is not installed: pip install 'pytest-tiers[coverage]'"
_NOT_SOURCE = ("tests", "test")
_ALL = ["."]
_TOOLS = ("noxfile.py", "tasks.py", "setup.py", "*/conftest.py")


def there() -> bool:
    """Whether pytest-cov is installed."""
    return find_spec("pytest_cov") is not None


@dataclass(frozen=True, slots=True)
class Total:
    """What was measured: a line for a person, and whether the project asks for more."""

    line: str
    red: bool = False


class Coverage:
    """The measurement of one run.

    Each tier has a data file of its own, so that those of other machines can be added: `coverage combine --keep`.

    Raises:
        BadSetting: The project's configuration of coverage cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        import coverage

        self._folder = settings.reports_folder
        self._settings = settings
        try:
            with chdir(settings.root):
                self._config = coverage.Coverage(data_file=None)
        except coverage.CoverageException as error:
            raise BadSetting(f"the configuration of coverage cannot be used: {error}.") from error
        self.fail_under = float(str(self._config.get_option("report:fail_under") or 0))

    def file(self, tier: str) -> Path:
        """Return the data file of a tier."""
        return self._folder / "coverage" / f"{tier}.data"

    def start(self, tiers: Iterable[str]) -> None:
        """Remove what earlier runs have measured of these tiers, and what was made of it.

        Raises:
            OSError: The report folder cannot be written.
        """
        (self._folder / "coverage").mkdir(parents=True, exist_ok=True)
        for path in (*map(self.file, tiers), self._folder / "coverage.data", self._folder / "coverage.xml"):
            path.unlink(missing_ok=True)

    def options(self) -> list[str]:
        """Return the options of pytest; a tier alone is neither shown nor held to the total that is asked for."""
        what = [f"--cov={path}" for path in self._sources()] or ["--cov"]
        return ["-p", "pytest_cov", *what, "--cov-report=", "--cov-fail-under=0"]

    def _sources(self) -> list[str]:
        """Return what is measured; nothing where the project's configuration of coverage says it."""
        own = any(self._config.get_option(f"run:{name}") for name in ("source", "source_pkgs", "include"))
        return [] if own else _sources(self._settings)

    def _omitted(self) -> list[str] | None:
        """Return the patterns of what the total is not of; None for those of the configuration."""
        if self._sources() != _ALL:
            return None
        given = self._config.get_option("report:omit")
        return [*(given if isinstance(given, list) else ()), *_not_product(self._settings)]

    def env(self, tier: str) -> dict[str, str]:
        """Return the variables of a tier's run."""
        return {"COVERAGE_FILE": str(self.file(tier))}

    def total(self, tiers: Iterable[str], *, whole: bool) -> Total:
        """Put the tiers together: into `coverage.data`, and as Cobertura's XML into `coverage.xml`.

        The working directory is the project's, as that of the tiers was.

        Args:
            tiers: Those that ran.
            whole: Whether they are all, each as a whole: to the total that the project asks for, no part is held.
        """
        import coverage
        from coverage.results import display_covered, should_fail_under

        files = [str(path) for path in map(self.file, tiers) if path.is_file()]
        together = coverage.Coverage(data_file=self._folder / "coverage.data")
        out = self._folder / "coverage.xml"
        try:
            together.combine(files, keep=True)
            together.save()
            found = together.xml_report(outfile=str(out), omit=self._omitted())
        except (coverage.CoverageException, OSError) as error:
            red = bool(self.fail_under) and whole
            return Total(f"coverage: not measured: {str(error).rstrip('.')}.", red=red)
        precision = int(str(self._config.get_option("report:precision") or 0))
        shown = f"coverage: {display_covered(found, precision)} %: {os.path.relpath(out, self._settings.root)}"
        if not should_fail_under(found, self.fail_under, precision):
            return Total(shown)
        asked = f"coverage's own setting fail_under = {self.fail_under:g}"
        if not whole:
            return Total(f"{shown} ({asked} is for all tiers as a whole, and is not applied)")
        return Total(f"{shown}, which is less than {asked}", red=True)


def _sources(settings: Settings) -> list[str]:
    """Return what is measured where the configuration of coverage names nothing: src, else packages, else all."""
    root = settings.root
    if (root / "src").is_dir():
        return ["src"]
    tests = {Path(path).parts[0] for tier in settings.tiers.values() for path in tier.paths if Path(path).parts}
    found = sorted(path.parent.name for path in root.glob("*/__init__.py"))
    return [name for name in found if name not in tests and name not in _NOT_SOURCE] or _ALL


def _not_product(settings: Settings) -> list[str]:
    """Return the patterns, for coverage's `omit`, of what lies beside the modules of a project without packages."""
    paths = {*_NOT_SOURCE, *(path for tier in settings.tiers.values() for path in tier.paths if Path(path).parts)}
    return [*_TOOLS, *(pattern for path in sorted(paths) for pattern in (path, f"{path}/*"))]
