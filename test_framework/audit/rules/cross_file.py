"""Confirms or drops the findings that depend on other files of the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_framework.audit.rules.name_resolution import NameKind, NameResolver
from test_framework.audit.rules.pending import PendingCheck
from test_framework.audit.rules.reachability import CheckReachability

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from test_framework.audit.rules.fact_store import FactStore
    from test_framework.audit.rules.module_paths import ModulePaths
    from test_framework.audit.rules.name_resolution import ResolvedName
    from test_framework.audit.rules.pending import PendingFinding


class CrossFileRules:
    """Looks across the files of one project.

    Args:
        files: What each of its files says.
        places: Which file each of its modules is.
    """

    def __init__(self, files: FactStore, places: ModulePaths) -> None:
        self.files = files
        self.names = NameResolver(files, places)
        self.reaching = CheckReachability(files, self.names)
        self._silent: dict[tuple[str, str], str] = {}

    def confirmed(self, path: str, doubts: Iterable[PendingFinding]) -> Iterator[tuple[int, str, str, str]]:
        """Yield line, rule, test and message of the pending findings that are confirmed."""
        for doubt in doubts:
            message = doubt.message
            match doubt.ask:
                case PendingCheck.CHECKS:
                    holds = not self.reaching.checks(path, doubt.what)
                case PendingCheck.TESTS:
                    holds = not any(self._is_collected(path, name) for name in doubt.what.split())
                case _:
                    where = self._never_raises(path, doubt.what)
                    message = f"{message} ({where})"
                    holds = bool(where)
            if holds:
                yield doubt.line, doubt.rule, doubt.test, message

    def _never_raises(self, path: str, what: str) -> str:
        """Return where a helper is that can never raise; nothing when it can, or may."""
        key = path.rpartition("/")[0], what
        if key not in self._silent:
            module, level, name = what.rsplit(" ", 2)
            head = name.partition(".")[0]
            found = self.names.look_up(path, name, ((head, (module, int(level), head)),))
            self._silent[key] = ", ".join(self._silents(found, path))
        return self._silent[key]

    def _silents(self, found: Iterable[ResolvedName], path: str) -> list[str]:
        """Return where these helpers are; nothing when one can raise, or may."""
        places = []
        for named in found:
            table = self.files.table(named.path) if named.kind == NameKind.FUNCTION else None
            use = self.files.use(named.path, named.name) if table is not None else None
            if table is None or use is None or use.raises or named.path == path:
                return []
            # What is tested may be named `check` or `validate` and be no check of a test.
            if not table.is_test_support and not named.name.lstrip("_").startswith("assert"):
                return []
            places.append(f"{self.files.relative(named.path)}:{use.line}")
        return places

    def _is_collected(self, path: str, name: str) -> bool:
        """Whether pytest takes what a file imports under a name for a test, or for a class of tests."""
        found = self.names.look_up(path, name)
        if not found:
            return self.files.patterns.is_function(name) or self._is_of_tests(path, name)
        return any(self._is_test(named) for named in found)

    def _is_test(self, named: ResolvedName) -> bool:
        table = self.files.table(named.path)
        match named.kind:
            case NameKind.FUNCTION:
                return table is not None and named.name not in table.fixtures.values()
            case NameKind.CLASS:
                return self._has_tests(named)
            case NameKind.MODULE:
                return False
            case _:
                return True

    def _has_tests(self, named: ResolvedName) -> bool:
        line = self.names.line(named.path, named.name)
        if line.unknown or line.beyond:
            return True
        tables = [(self.files.table(path), owner) for path, owner in line.classes]
        methods = [m for table, owner in tables if table is not None for m in table.classes[owner][1]]
        if line.cases:
            return any(m.startswith("test") for m in methods)
        made = not {"__init__", "__new__"}.isdisjoint(methods)
        return not made and any(self.files.patterns.is_function(m) for m in methods)

    def _is_of_tests(self, path: str, name: str) -> bool:
        """Whether a name comes from a module that is a library's tests, by the module's name."""
        table = self.files.table(path)
        modules = [module for module, _, _ in table.imports.get(name, ())] if table is not None else []
        parts = [part for module in modules for part in module.split(".")]
        return any(p in {"test", "tests"} or p.startswith("test_") or p.endswith("_test") for p in parts)
