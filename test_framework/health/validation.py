"""The check before a migration or in CI: is everything in place? No server is started, and no test is run."""

from __future__ import annotations

from dataclasses import dataclass
from os.path import isfile
from typing import TYPE_CHECKING, Any

from test_framework.audit import LIMITS, AuditOptions, audit
from test_framework.config import refuse_missing_files
from test_framework.health import images, staging_variables
from test_framework.health.sources import holds_test, touched
from test_framework.suite.discovery import is_test_file
from test_framework.suite.pytest_settings import read_pytest_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from test_framework.audit import Audit
    from test_framework.config import Settings

_SMOKE = "smoke"
_AUDIT = "Run `python -m test_framework audit`, and mend what it names"
_DEFAULT_PATTERNS = ("test_*.py", "*_test.py")


@dataclass(frozen=True, slots=True)
class ValidationLine:
    """One thing that was looked at; `remedy` is empty when it is ok."""

    check: str
    ok: bool
    message: str
    remedy: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as it is written."""
        return {"check": self.check, "ok": self.ok, "message": self.message, "remedy": self.remedy}


def validate(settings: Settings, env: Mapping[str, str], progress: Any = None) -> tuple[ValidationLine, ...]:
    """Look at everything.

    Args:
        settings: The project's; that they could be read is the first thing that is in place.
        env: The environment, for the variables of staging.
        progress: See `audit`.

    Raises:
        BadSetting: See `audit`, and `refuse_missing_files`.
    """
    refuse_missing_files(settings)
    found = audit(settings.root, (), settings, AuditOptions(timeout=settings.collection_timeout), progress)
    look = Validation(settings, found)
    return (
        ValidationLine("settings", ok=True, message="the settings can be read, and hold nothing that is not known"),
        *look.audit(),
        look.critical(),
        *look.tiers(),
        look.unreached(),
        *look.smoke(),
        look.patterns(),
        *_images(settings),
        _staging(env, settings),
    )


def _line(check: str, wrong: str, right: str, remedy: str) -> ValidationLine:
    """Return a line that is ok when nothing is wrong."""
    return ValidationLine(check, ok=not wrong, message=wrong or right, remedy=remedy if wrong else "")


class Validation:
    """What is looked at before a migration: the settings, the audit, the tiers, staging and images."""

    def __init__(self, settings: Settings, found: Audit) -> None:
        self.settings = settings
        self.found = found
        self.pytest = read_pytest_settings(settings.root)
        self.files = self._by_tier(self.pytest.python_files)
        self.sick = {*found.empty, *(b.path for b in found.broken)}

    def audit(self) -> Iterator[ValidationLine]:
        """Yield the findings of the audit beside what the settings allow."""
        if not self.found.complete:
            message = f"not complete after {self.settings.collection_timeout:g} s"
            yield ValidationLine("audit", ok=False, message=message, remedy="Raise collection_timeout.")
        nothing = "" if self.found.files else "there are no test files"
        yield _line("audit: test files", nothing, f"{self.found.files} test files", "Check testpaths and python_files.")
        for limit in LIMITS:
            number, allowed = limit.count(self.found), getattr(self.settings.audit, limit.setting)
            told = f"{number}, {allowed} allowed"
            wrong = told if number > allowed else ""
            yield _line(f"audit: {limit.what}", wrong, told, f"{_AUDIT}; or set {limit.setting}.")

    def critical(self) -> ValidationLine:
        """Say whether the critical modules and names are there."""
        missing = "; ".join(f.message for f in self.found.imports if f.rule == "critical-missing")
        number = len(self.settings.audit.critical)
        there = f"{number} are there" if number else "none are named in [tool.test_framework.audit] critical"
        return _line("critical imports", missing, there, "Restore them, or correct critical in the settings.")

    def tiers(self) -> Iterator[ValidationLine]:
        """Yield each tier that the project has set, or has test files for: its paths are there, and select tests."""
        for name, tier in self.settings.tiers.items():
            missing = [p for p in tier.paths if not (self.settings.root / p).exists()]
            is_set = "[tool." in self.settings.origin(f"tiers.{name}.paths")
            files = self.files.get(name, [])
            if not files and not is_set:
                continue  # built in, and not used here
            good = [f for f in files if f not in self.sick]
            wrong = ""
            if missing:
                wrong = f"there is no {', '.join(missing)}"
            elif not good:
                wrong = f"{len(files)} test files, none of which can be imported and holds a test"
            remedy = f"Correct paths in [tool.test_framework.tiers.{name}], or add tests there."
            yield _line(f"tier {name}", wrong, f"{len(good)} test files in {', '.join(tier.paths)}", remedy)

    def unreached(self) -> ValidationLine:
        """Say whether every test file is in a tier."""
        lost = self.found.unreached if any(self.files.values()) else ()
        wrong = f"{len(lost)} test files are in no tier, such as {lost[0]}" if lost else ""
        if not any(self.files.values()) and self.found.files:
            wrong = f"none of the {self.found.files} test files is in a tier"
        remedy = "Move them, or name their folder in paths of a tier."
        return _line("test files in tiers", wrong, "every test file is in a tier", remedy)

    def smoke(self) -> Iterator[ValidationLine]:
        """Yield whether the smoke tier has a test, and touches each service that the tiers in use name."""
        root = self.settings.root
        files = [f for f in self.files.get(_SMOKE, []) if f not in self.sick]
        paths = ", ".join(self.settings.tiers[_SMOKE].paths)
        wrong = "" if files else f"no test in {paths}"
        yield _line("smoke tests", wrong, f"{len(files)} files", f"Add a test to {paths}.")
        used = [t for name, t in self.settings.tiers.items() if self.files.get(name)]
        services = sorted({s for tier in used for s in tier.services})
        found = touched((root / f for f in files), root, services, self.settings.tiers[_SMOKE].services)
        for service in services:
            wrong = "" if service in found else f"no smoke test uses {service}, and a tier does"
            remedy = f"Add a test to {paths} that uses {service}."
            yield _line(f"smoke of {service}", wrong, "a smoke test uses it", remedy)

    def patterns(self) -> ValidationLine:
        """Say whether pytest takes the files for tests that look like tests."""
        own = self.pytest.python_files
        lost = [
            path
            for files in self._by_tier(_DEFAULT_PATTERNS).values()
            for path in files
            if not is_test_file(str(self.settings.root / path), own) and holds_test(self.settings.root / path)
        ]
        wrong = f"pytest does not collect {lost[0]} and {len(lost) - 1} more" if lost else ""
        right = f"python_files ({', '.join(own)}) leaves out no test file of a tier"
        return _line("python_files", wrong, right, "Correct python_files, or rename them.")

    def _by_tier(self, patterns: tuple[str, ...]) -> dict[str, list[str]]:
        """Return the test files of each tier, from the root; each is in one tier, and what is left out in none."""
        root = self.settings.root
        left = [root / each.path for each in self.found.left_out]
        places = {root / entry for tier in self.settings.tiers.values() for entry in tier.paths}
        files = {f for place in places for f in (place.rglob("*.py") if place.is_dir() else [place]) if isfile(f)}  # noqa: PTH113
        found: dict[str, list[str]] = {}
        for file in sorted(f for f in files if is_test_file(str(f), patterns)):
            tier = self.settings.tier_of(file)
            if tier and not any(file.is_relative_to(each) for each in left):
                found.setdefault(tier, []).append(file.relative_to(root).as_posix())
        return found


def _images(settings: Settings) -> Iterator[ValidationLine]:
    for service, wrong in images.compared(settings):
        remedy = f"Name one major version in both, or set version in [tool.test_framework.services.{service}]."
        yield _line(f"image of {service}", wrong, "the settings, compose and CI name one major version", remedy)


def _staging(env: Mapping[str, str], settings: Settings) -> ValidationLine:
    wrong = "; ".join(staging_variables.faults(env, settings.service_names, settings.allowed_hosts))
    is_set = any(name.startswith("STAGING_") and value for name, value in env.items())
    right = "complete" if is_set else "none is set"
    return _line(
        "staging variables", wrong, right, "Set what is missing, allow the hosts in allowed_hosts, or unset the rest."
    )
