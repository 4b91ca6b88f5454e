"""Which files there are: one walk through the project, which leaves out what is not part of it and says so."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from fnmatch import fnmatch, translate
from typing import TYPE_CHECKING

from test_framework.suite.module_finder import FolderListing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from test_framework.suite.module_finder import ModuleFinder

_GIT_SECONDS = 10
_NEVER = frozenset(
    ("__pycache__", ".git", ".hg", ".svn", ".tox", ".nox", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".eggs")
)
_ELSEWHERE = frozenset(("node_modules", "site-packages", "dist-packages"))
_COPY = re.compile(r"(.+?)[._-](?:backup|bak|orig|old|copy)(?:[._-]?\d+)*\.py")


@dataclass(slots=True)
class SourceTree:
    """What the walk has found; paths are absolute, in the order of the walk."""

    root: str
    python: list[str] = field(default_factory=list)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)  # mtime in ns, and bytes
    left_out: dict[str, str] = field(default_factory=dict)  # path to reason
    folders: dict[str, list[str]] = field(default_factory=dict)  # top name of a module to the folders that have it

    def relative(self, path: str) -> str:
        """Return a path as it is told."""
        if path.startswith(f"{self.root}/"):
            return path[len(self.root) + 1 :]
        return os.path.relpath(path, self.root).replace(os.sep, "/") if path else ""


@dataclass(frozen=True, slots=True)
class _Limits:
    root: str
    exclude: Sequence[str]
    ignored: set[str]
    any: re.Pattern[str]

    def excluded(self, path: str) -> str | None:
        """Return the pattern that leaves a path out."""
        inside = path[len(self.root) + 1 :]
        if not self.any.fullmatch(inside) and not self.any.fullmatch(inside.rpartition("/")[2]):
            return None
        name = inside.rpartition("/")[2]
        return next((p for p in self.exclude if fnmatch(inside if "/" in p else name, p)), None)


def matches_pattern(path: str, pattern: str) -> bool:
    """Whether a pattern of pytest fits: one without a slash is for the name alone."""
    if "/" not in pattern:
        return fnmatch(path.rpartition("/")[2], pattern)
    return fnmatch(path, pattern if pattern.startswith("/") else f"*/{pattern}")


def is_test_file(path: str, patterns: Sequence[str]) -> bool:
    """Whether pytest takes a file for one with tests."""
    return path.endswith(".py") and any(matches_pattern(path, pattern) for pattern in patterns)


def walk(root: str, finder: ModuleFinder, exclude: Sequence[str]) -> SourceTree:
    """Go through the project.

    Args:
        root: Its folder.
        finder: Is told what is in each folder.
        exclude: Patterns of names, or of paths from the root, of files and folders that are left out.
    """
    tree = SourceTree(root)
    limits = _Limits(root, exclude, _ignored_by_git(root), re.compile("|".join(map(translate, exclude)) or "(?!)"))
    work, seen = [root], {os.path.realpath(root)}
    while work:
        folder = work.pop()
        files: list[str] = []
        folders, later = [], []
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            tree.left_out[folder] = f"cannot be read: {error.strerror}"
            continue
        names = {entry.name for entry in found}
        for entry in found:
            try:
                is_folder = entry.is_dir()
            except OSError as error:  # a link into a folder where nobody may look
                tree.left_out[entry.path] = f"cannot be read: {error.strerror}"
                continue
            if is_folder:
                folders.append(entry.name)
                if entry.name in _NEVER:
                    continue
                reason = _folder_reason(entry.path, limits)
                if reason is None and entry.is_symlink():
                    real = os.path.realpath(entry.path)
                    reason = "a link to what is audited already" if real in seen else None
                    seen.add(real)
                if reason:
                    tree.left_out[entry.path] = reason
                else:
                    later.append(entry.path)
            else:
                _file(tree, entry, names, limits)
                files.append(entry.name)
        finder.listings[folder] = FolderListing.of(files, folders)
        work.extend(reversed(later))
    return tree


def _file(tree: SourceTree, entry: os.DirEntry[str], names: set[str], limits: _Limits) -> None:
    name = entry.name
    if not name.endswith(".py"):
        return
    try:
        status = entry.stat()
    except OSError:
        tree.left_out[entry.path] = "a link to nothing"
        return
    reason = None
    copy = _COPY.fullmatch(name)
    if entry.path in limits.ignored:
        reason = "ignored by git"
    elif name.startswith((".", "#", "~")):
        reason = "temporary"
    elif copy and f"{copy[1]}.py" in names:
        reason = f"a backup of {copy[1]}.py"
    elif pattern := limits.excluded(entry.path):
        reason = f"excluded by {pattern}"
    if reason:
        tree.left_out[entry.path] = reason
        return
    tree.python.append(entry.path)
    tree.sizes[entry.path] = status.st_mtime_ns, status.st_size
    folder, stem = entry.path[: -len(name) - 1], name[:-3]
    if stem != "__init__":
        tree.folders.setdefault(stem, []).append(folder)
    outer, _, own = folder.rpartition("/")
    known = tree.folders.setdefault(own, [])
    if outer not in known[-1:]:
        known.append(outer)


def _folder_reason(path: str, limits: _Limits) -> str | None:
    name = path.rpartition("/")[2]
    if name in _ELSEWHERE:
        return "code of others"
    if path in limits.ignored:
        return "ignored by git"
    if os.path.exists(f"{path}/pyvenv.cfg") or os.path.exists(f"{path}/conda-meta/history"):
        return "a virtual environment"
    pattern = limits.excluded(path)
    return f"excluded by {pattern}" if pattern else None


def _ignored_by_git(root: str) -> set[str]:
    """Return the paths that git ignores; none outside of a repository, or without git."""
    command = ["git", "-C", root, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"]
    try:
        answer = subprocess.run(command, capture_output=True, timeout=_GIT_SECONDS, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return set()
    names = answer.stdout.decode("utf-8", "surrogateescape").split("\0")
    return {f"{root}/{name.rstrip('/')}" for name in names if name}
