"""Follows the calls of a test through the project, to see whether any of them checks something.

What a chain leads to counts by where it is. A helper of tests checks when anything in it may raise for what it is
given, as a helper in the test's own file does. What is tested checks nothing: that it raises is what a test has to see.
But a function in any file that asserts and returns nothing is there to check. What leads out of the project checks only
where its name says so, which has been looked at before.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from test_framework.audit.rules.function_use import ASSERTS, RAISES
from test_framework.audit.rules.name_resolution import NameKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_framework.audit.rules.fact_store import FactStore
    from test_framework.audit.rules.function_use import FunctionUse
    from test_framework.audit.rules.name_resolution import NameResolver, ResolvedName

_DEEP = 3  # makers of makers
_AFTER = frozenset({"tearDown", "asyncTearDown", "teardown_method", "teardown"})
_BEFORE = frozenset({"setUp", "asyncSetUp", "setup_method", "setup"})
# What runs of a class that is only named, and may check: the rest of its methods is called by name.
_OPENING = frozenset({"__init__", "__post_init__", "__new__", "__enter__", "__aenter__"})
_CLOSING = frozenset({"__exit__", "__aexit__", "__call__"})
_ABSTRACT = frozenset({"Protocol", "ABC"})


class FunctionPart(Enum):
    """How much of a function counts."""

    WHOLE = 1
    ASSERTIONS = 2  # what it asserts itself
    LEFT = 3  # the functions in it, and what it does after its `yield`


class CallStep(NamedTuple):
    """One function on the way."""

    path: str
    name: str
    way: FunctionPart = FunctionPart.WHOLE


_UNKNOWN = CallStep("", "")


class CheckReachability:
    """Searches the calls of the tests of one project; what checks nothing is visited once."""

    def __init__(self, files: FactStore, names: NameResolver) -> None:
        self.files, self.names, self.places = files, names, names.places
        self._clean: set[CallStep] = set()
        self._scopes: dict[str, frozenset[str]] = {}
        self._near: dict[str, tuple[str, ...]] = {}
        self._methods: dict[str, list[tuple[str, str]]] = {}  # by name, path and class

    def checks(self, path: str, test: str) -> bool:
        """Whether a test or something that it uses checks; True as well when that cannot be known."""
        start = CallStep(path, test)
        queue, seen = [start, *self._around(start)], set[CallStep]()
        while queue:
            step = queue.pop()
            if step in self._clean or step in seen:
                continue
            seen.add(step)
            if step == _UNKNOWN or self._by_itself(step):
                return True
            queue += self._next(step)
        self._clean |= seen
        return False

    def _by_itself(self, step: CallStep) -> bool:
        use, table = self.files.use(step.path, step.name), self.files.table(step.path)
        if use is None or table is None:
            return True
        match step.way:
            case FunctionPart.LEFT:
                return use.inner >= RAISES
            case FunctionPart.ASSERTIONS:
                return use.level == ASSERTS
            case FunctionPart.WHOLE:
                return use.level >= RAISES if table.is_test_support else use.level == ASSERTS and not use.returns

    def _next(self, step: CallStep) -> Iterator[CallStep]:
        """Yield what a function leads to."""
        use, table = self.files.use(step.path, step.name), self.files.table(step.path)
        if (
            use is None
            or table is None
            or step.way == FunctionPart.ASSERTIONS
            or (use.returns and not table.is_test_support)
        ):
            return
        for name in use.params if self._is_asked_by_name(step) else ():
            for fixture in self._fixture(step, name):
                whole = name in use.called or fixture.path == step.path
                yield fixture if whole else fixture._replace(way=FunctionPart.LEFT)
        if step.way == FunctionPart.LEFT:
            return
        for name in use.names:
            for named in self.names.look_up(step.path, name, use.imports):
                yield from self._named(step.path, named)
        yield from self._own(step, use)
        for maker, name in use.methods:
            yield from self._method(step, use, maker, name)

    def _named(self, path: str, named: ResolvedName, *, inside: bool = False) -> Iterator[CallStep]:  # noqa: C901 - one for each kind
        """Yield what runs of something that is named."""
        match named.kind:
            case NameKind.UNKNOWN:
                yield _UNKNOWN
            case NameKind.FUNCTION:
                yield CallStep(named.path, named.name)
            case NameKind.CLASS:
                for place, owner in self.names.line(named.path, named.name).classes:
                    table = self.files.table(place)
                    for method in table.classes[owner][1] if table is not None else ():
                        if method in _CLOSING or place == path:
                            yield CallStep(place, f"{owner}.{method}")
                        elif method in _OPENING:
                            yield CallStep(place, f"{owner}.{method}", FunctionPart.ASSERTIONS)
            case NameKind.VALUE:
                table = self.files.table(named.path)
                for name in table.values[named.name] if table is not None and not inside else ():
                    for one in self.names.look_up(named.path, name):
                        yield from self._named(path, one, inside=True)
            case NameKind.MODULE:
                pass

    # -- classes ---------------------------------------------------------------------------------

    def _owners(self, path: str, name: str) -> list[str]:
        """Return a class and those of its file that inherit from it, in which its methods may be called."""
        table = self.files.table(path)
        if table is None or name not in table.classes:
            return []
        return [name, *(c for c in table.classes if c != name and (path, name) in self.names.line(path, c).classes)]

    def _own(self, step: CallStep, use: FunctionUse) -> Iterator[CallStep]:
        """Yield the methods that a method takes from its own object."""
        if not use.own:
            return
        lines = [self.names.line(step.path, o) for o in self._owners(step.path, step.name.rpartition(".")[0])]
        for name in use.own:
            found = False
            for line in lines:
                for place, owner in line.classes:
                    table = self.files.table(place)
                    if table is not None and name in table.classes[owner][1]:
                        found = True
                        yield CallStep(place, f"{owner}.{name}")
            if not found and any(line.beyond or line.unknown for line in lines):
                yield _UNKNOWN

    def _around(self, test: CallStep) -> Iterator[CallStep]:
        """Yield what runs before and after each test of a class, where that is inherited from another file."""
        owner = test.name.rpartition(".")[0]
        for name in self._owners(test.path, owner):
            for place, member in self.names.line(test.path, name).classes:
                table = self.files.table(place)
                for method in table.classes[member][1] if table is not None and place != test.path else ():
                    if method in _AFTER:
                        yield CallStep(place, f"{member}.{method}")
                    elif method in _BEFORE:
                        yield CallStep(place, f"{member}.{method}", FunctionPart.LEFT)

    # -- objects ---------------------------------------------------------------------------------

    def _method(self, step: CallStep, use: FunctionUse, maker: str, name: str, deep: int = 0) -> Iterator[CallStep]:
        """Yield the methods of a name that an object may have, by what it comes from."""
        if deep > _DEEP or not maker:
            yield from self._any(step.path, name)
        elif maker.startswith("@"):
            # What is handed to a helper may be anything, what is handed to a test is a fixture.
            if not self._is_asked_by_name(step):
                yield from self._any(step.path, name)
                return
            for fixture in self._fixture(step, maker[1:]):
                yield from self._made(fixture, name, deep)
        else:
            for named in self.names.look_up(step.path, maker, use.imports):
                yield from self._of(step.path, named, name, deep)

    def _of(self, path: str, named: ResolvedName, name: str, deep: int) -> Iterator[CallStep]:  # noqa: C901 - one for each kind
        """Yield the methods of a name that what is made by something may have."""
        match named.kind:
            case NameKind.UNKNOWN:
                yield _UNKNOWN
            case NameKind.CLASS:
                method = self.names.method(named.path, named.name, name)
                if method is not None:
                    yield CallStep(method.path, method.name)
                line = self.names.line(named.path, named.name)
                bases = {b.rpartition(".")[2] for p, c in line.classes for b in self._bases(p, c)}
                if line.unknown or bases & _ABSTRACT:
                    yield from self._any(path, name)
            case NameKind.FUNCTION:
                table = self.files.table(named.path)
                if table is not None and table.is_test_support:
                    yield from self._made(CallStep(named.path, named.name), name, deep)
            case NameKind.VALUE:
                table = self.files.table(named.path)
                for maker in table.values[named.name] if table is not None and deep < _DEEP else ():
                    for one in self.names.look_up(named.path, maker):
                        yield from self._of(named.path, one, name, deep + 1)
            case NameKind.MODULE:
                pass

    def _bases(self, path: str, name: str) -> tuple[str, ...]:
        table = self.files.table(path)
        return table.classes[name][0] if table is not None else ()

    def _made(self, step: CallStep, name: str, deep: int) -> Iterator[CallStep]:
        """Yield the methods of a name that what a function returns may have."""
        use = self.files.use(step.path, step.name)
        if use is not None:
            for maker in use.made or ("",):
                yield from self._method(step, use, maker, name, deep + 1)

    def _any(self, path: str, name: str) -> Iterator[CallStep]:
        """Yield all methods of a name among the helpers that a file can reach."""
        scope = self._scope(path)
        for place, owner in self._methods.get(name, ()):
            if place in scope:
                yield CallStep(place, f"{owner}.{name}")

    def _scope(self, path: str) -> frozenset[str]:
        """Return the helpers that a file imports, or its conftests do, and those that these import."""
        if path not in self._scopes:
            queue = [path, *self.places.conftests(path)]
            seen: set[str] = set()
            while queue:
                file = queue.pop()
                if file not in seen:
                    seen.add(file)
                    queue += self._neighbours(file)
            self._scopes[path] = frozenset(seen)
        return self._scopes[path]

    def _neighbours(self, path: str) -> tuple[str, ...]:
        if path not in self._near:
            table = self.files.table(path)
            found: dict[str, None] = {}
            if table is not None:
                for owner, (_, methods) in table.classes.items():
                    for name in methods:
                        self._methods.setdefault(name, []).append((path, owner))
                targets = [t for several in table.imports.values() for t in several]
                targets += [(module, level, "") for module, level in table.stars]
                targets += [(plugin, 0, "") for plugin in table.plugins]
                found = dict.fromkeys(file for target in targets for file in self.names.module(path, target))
            self._near[path] = tuple(
                file for file in found if (near := self.files.table(file)) is not None and near.is_test_support
            )
        return self._near[path]

    # -- fixtures --------------------------------------------------------------------------------

    def _is_asked_by_name(self, step: CallStep) -> bool:
        """Whether pytest calls a function, and gives it its arguments: a test, or a fixture."""
        table = self.files.table(step.path)
        last = step.name.rpartition(".")[2]
        return self.files.patterns.is_function(last) or (table is not None and step.name in table.fixtures.values())

    def _fixture(self, step: CallStep, name: str) -> Iterator[CallStep]:
        """Yield the fixtures of a name that a function of a file may be given: those of the nearest place."""
        for owner in self._owners(step.path, step.name.rpartition(".")[0]):
            for place, member in self.names.line(step.path, owner).classes:
                table = self.files.table(place)
                wanted = table.fixtures.get(name) if table is not None else None
                if wanted is not None and wanted.rpartition(".")[0] == member:
                    yield CallStep(place, wanted)
                    return
        for place in dict.fromkeys((step.path, *self.places.conftests(step.path))):
            if found := [*self._offered(place, name)]:
                yield from found
                return
            table = self.files.table(place)
            for plugin in table.plugins if table is not None else ():
                for file in self.places.of(place, plugin, 0)[0]:
                    yield from self._offered(file, name)

    def _offered(self, path: str, name: str) -> Iterator[CallStep]:
        """Yield the fixtures of a name that a file has, its own or imported."""
        table = self.files.table(path)
        if table is None:
            return
        wanted = table.fixtures.get(name)
        if wanted is not None and "." not in wanted:
            yield CallStep(path, wanted)
            return
        for named in self.names.look_up(path, name):
            if named.kind == NameKind.FUNCTION and self._is_fixture(named):
                yield CallStep(named.path, named.name)

    def _is_fixture(self, named: ResolvedName) -> bool:
        table = self.files.table(named.path)
        return table is not None and named.name in table.fixtures.values()
