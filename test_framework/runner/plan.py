"""What is to be run: layers of tiers in their order, each of which has tests here, or a reason why it is left out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from test_framework.config import BadSetting
from test_framework.config.tiers import lack
from test_framework.runner.tier_files import TierFiles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from test_framework.config import Settings


@dataclass(frozen=True, slots=True)
class Layer:
    """Tiers that are run one after another, whatever becomes of each.

    Attributes:
        name: Empty for tiers that were named one by one.
        tiers: Those that have tests here.
        budget_seconds: How long they may take together; None for as long as it takes.
        source: Which setting says so, and where it came from.
    """

    name: str
    tiers: tuple[str, ...]
    budget_seconds: float | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """Layers until one fails.

    Attributes:
        layers: In their order.
        absent: Tiers that select no file here, or none of those that are named, each with why.
        named: Which of the files and folders that are named each tier gets; no tier where none are.
    """

    layers: tuple[Layer, ...]
    absent: Mapping[str, str]
    named: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def of_categories(settings: Settings, names: Sequence[str], pattern: str | None) -> RunPlan:
    """Return the plan for tiers that were named.

    Raises:
        BadSetting: One is not known, or selects no file.
    """
    for name in names:
        if name not in settings.tiers:
            raise BadSetting.unknown("category", name, "the command line", settings.tiers)
    files = TierFiles(settings)
    for name in names:
        if why := _lack(settings, files, name, pattern):
            raise BadSetting(f"category {name!r} selects no file: {why}.")
    return RunPlan((Layer("", tuple(dict.fromkeys(names))),), {})


def of_mode(settings: Settings, name: str, pattern: str | None) -> RunPlan:
    """Return the plan for an execution mode.

    A tier that a built-in layer names and that has no files here is left out. One that the project's own settings put
    into a layer has to be there, unless a pattern is what leaves nothing of it.

    Raises:
        BadSetting: There is no such mode, it says nothing or the same tier twice, or there is nothing to run.
    """
    if name not in settings.modes:
        raise BadSetting.unknown("execution mode", name, "--execution-mode", settings.modes)
    _check(settings, name)
    files = TierFiles(settings)
    layers: list[Layer] = []
    absent: dict[str, str] = {}
    for layer in settings.modes[name].layers:
        table, key = settings.layers[layer], f"layers.{layer}"
        lacks = {tier: why for tier in table.tiers if (why := _lack(settings, files, tier, pattern))}
        for tier, why in lacks.items():
            if f"{key}.tiers" in settings.origins and not (pattern and files.of(tier)):
                raise BadSetting(f"tier {tier!r} of {key} ({settings.origin(f'{key}.tiers')}) selects no file: {why}.")
        absent |= lacks
        source = f"{key}.budget_seconds, {settings.origin(f'{key}.budget_seconds')}"
        there = tuple(tier for tier in table.tiers if tier not in lacks)
        layers.append(Layer(layer, there, table.budget_seconds or None, source))
    if not any(layer.tiers for layer in layers):
        told = "; ".join(f"{tier}: {why}" for tier, why in absent.items())
        raise BadSetting(f"execution mode {name!r} selects no file: {told}.{_elsewhere(settings, files, pattern)}")
    return RunPlan(tuple(layer for layer in layers if layer.tiers), absent)


def of_named(settings: Settings, plan: RunPlan, named: Sequence[str]) -> RunPlan:
    """Return what is left of a plan where files and folders are named: each goes to the tiers that it is of.

    Args:
        settings: Of the project.
        plan: Without them.
        named: Files and folders from the project's root; nothing changes where there are none.

    Raises:
        BadSetting: One of them is of no tier of the plan: to leave it out would be to be silent about it.
    """
    if not named:
        return plan
    files = TierFiles(settings)
    tiers = [tier for layer in plan.layers for tier in layer.tiers]
    got = {tier: tuple(word for word in named if files.selects(tier, word)) for tier in tiers}
    for word in named:
        if not any(word in words for words in got.values()):
            of = ", ".join(tier for tier in settings.tiers if files.selects(tier, word)) or "no tier"
            raise BadSetting(f"nothing of {word} is in {', '.join(tiers)}, which would be run: it is of {of}.")
    absent = {tier: f"nothing of {', '.join(named)} is in it" for tier in tiers if not got[tier]}
    layers = (replace(layer, tiers=tuple(tier for tier in layer.tiers if got[tier])) for layer in plan.layers)
    return RunPlan(tuple(layer for layer in layers if layer.tiers), {**plan.absent, **absent}, got)


def is_all(settings: Settings, plan: RunPlan) -> bool:
    """Whether a plan has every tier with test files that any execution mode has.

    What is in none, as staging by default, is asked for when it is wanted, and is no part of all.
    """
    files = TierFiles(settings)
    layers = {layer for mode in settings.modes.values() for layer in mode.layers}
    usual = {tier for layer in layers for tier in settings.layers[layer].tiers}
    return {tier for tier in usual if files.of(tier)} <= {tier for layer in plan.layers for tier in layer.tiers}


def _check(settings: Settings, name: str) -> None:
    """Refuse a mode that would run nothing, or a tier twice, of which only the last report would be left."""
    mode = settings.modes[name]
    if not mode.layers:
        raise BadSetting(f"execution mode {name!r} ({settings.origin(f'modes.{name}.layers')}) has no layers.")
    seen: dict[str, str] = {}
    for layer in mode.layers:
        origin = settings.origin(f"layers.{layer}.tiers")
        if not settings.layers[layer].tiers:
            raise BadSetting(f"layer {layer!r} of execution mode {name!r} ({origin}) has no tiers.")
        for tier in settings.layers[layer].tiers:
            if tier in seen:
                where = f"in the layers {seen[tier]} and {layer}" if seen[tier] != layer else f"in the layer {layer}"
                raise BadSetting(f"tier {tier!r} is twice in execution mode {name!r}, {where} ({origin}).")
            seen[tier] = layer


def _lack(settings: Settings, files: TierFiles, tier: str, pattern: str | None) -> str:
    """Return why a tier selects no file, with its paths; an empty text when it selects one."""
    if files.of(tier, pattern):
        return ""
    if why := lack(settings, tier):
        return why
    where = f"{', '.join(settings.tier(tier).paths)} ({settings.origin(f'tiers.{tier}.paths')})"
    if pattern and files.of(tier):
        return f"no path of a test file in {where} fits --pattern {pattern!r}"
    return f"{where} holds no {' or '.join(files.names)}"


def _elsewhere(settings: Settings, files: TierFiles, pattern: str | None) -> str:
    """Return which tiers a pattern does select something of."""
    found = [tier for tier in settings.tiers if pattern and files.of(tier, pattern)]
    return f" It does in: {', '.join(found)}." if found else ""
