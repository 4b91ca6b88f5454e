"""Whether compose and CI start the same major version of a service as the settings ask for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from test_framework import services
from test_framework.image_name import tag_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from test_framework.config import Settings

_PLACES = (
    "compose/*.y*ml",
    "compose.y*ml",
    "docker-compose*.y*ml",
    ".ci/*",
    ".github/workflows/*.y*ml",
    ".gitlab-ci.yml",
)
# An image given to our own variable, in a shell, in YAML, or as the default in compose.
_NAMED = re.compile(r"\bTEST_FRAMEWORK_([A-Z][A-Z0-9_]*)_IMAGE(?::-|=|:\s*)[\"']?([^\s\"'}$]+)")


def compared(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield each service that is named there with what differs, which is empty when nothing does."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path in sorted({p for place in _PLACES for p in settings.root.glob(place) if p.is_file()}):
        for service, image in _NAMED.findall(_text(path)):
            found.setdefault(service.lower(), []).append((path.relative_to(settings.root).as_posix(), image))
    for service in sorted(found.keys() & set(settings.service_names)):
        table = settings.service(service)
        wanted = table.version or major(table.image or services.get(service, settings).default_image)
        yield (
            service,
            "; ".join(
                f"{path} names {image}, and version {wanted} is asked for"
                for path, image in found[service]
                if wanted and major(image) and major(image) != wanted.partition(".")[0]
            ),
        )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def major(image: str) -> str:
    """Return the first number of an image's tag; empty where the tag begins with none."""
    number = re.match(r"\d+", tag_of(image))
    return number[0] if number else ""
