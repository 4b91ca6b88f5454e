"""Execution modes: which tiers `run` runs, in which order, and how long they may take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_framework.config.model import BadSetting, LayerSettings, ModeSettings

if TYPE_CHECKING:
    from test_framework.config.model import Settings


LAYERS: dict[str, LayerSettings] = {
    "fast_feedback": LayerSettings(tiers=("unit", "smoke"), budget_seconds=2 * 60),
    "core_integration": LayerSettings(tiers=("integration",), budget_seconds=10 * 60),
    "service_integration": LayerSettings(tiers=("mission-critical", "infrastructure"), budget_seconds=20 * 60),
    "end_to_end": LayerSettings(tiers=("e2e",), budget_seconds=60 * 60),
}

# Staging and measurements are left to who asks for them: one is shared with others, the other wants a quiet machine.
MODES: dict[str, ModeSettings] = {
    "fast_feedback": ModeSettings(layers=("fast_feedback",)),
    "development": ModeSettings(layers=("fast_feedback", "core_integration")),
    "nightly": ModeSettings(layers=("fast_feedback", "core_integration", "service_integration", "end_to_end")),
}


def check(settings: Settings) -> None:
    """Refuse modes and layers that name what is not there.

    Raises:
        BadSetting: The message names the layer or the tier, where it was asked for, and the choices.
    """
    for name, mode in settings.modes.items():
        for layer in mode.layers:
            if layer not in settings.layers:
                source = f"layers, {settings.origin(f'modes.{name}.layers')}"
                raise BadSetting.unknown("layer", layer, source, settings.layers)
    for name, table in settings.layers.items():
        for tier in table.tiers:
            if tier not in settings.tiers:
                source = f"tiers, {settings.origin(f'layers.{name}.tiers')}"
                raise BadSetting.unknown("tier", tier, source, settings.tiers)
