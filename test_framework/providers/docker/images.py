"""Images: which one, whether it is there, what its absence means, and the pull with its progress."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from test_framework.providers._start import tag_of
from test_framework.providers.docker.probe import Engine, ask
from test_framework.reasons import Code
from test_framework.verdict import Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    import docker

    from test_framework.contracts import Context, Service

__all__ = ["ensure", "foretell", "name_of", "version_told"]

_FORETELL_SECONDS = 1.0
_SAY_EVERY = 1.0
_FIRST_WORD_SECONDS = 30.0

# As the engine words them; it gives no machine-readable code for what a registry answered.
_LIMITED = re.compile(r"toomanyrequests|rate limit", re.I)
_ABSENT = re.compile(
    r"manifest unknown|not found|does not exist|denied|no matching manifest|unauthorized|invalid ref", re.I
)
_FULL = re.compile(r"no space left on device", re.I)


def name_of(service: Service, context: Context) -> str:
    """Return the image that the settings name, else the service's default, behind testcontainers' registry prefix.

    Raises:
        Refused: `not-configured`, for a service that has no default.
    """
    image = context.settings.service(service.name).image or service.default_image
    if not image:
        what, variable = f"an image for {service.name}", f"TEST_FRAMEWORK_{service.name.upper()}_IMAGE"
        raise Refused(Reason.of(Code.NOT_CONFIGURED, what=what, variables=variable))
    return context.env.get("TESTCONTAINERS_HUB_IMAGE_NAME_PREFIX", "") + image


def foretell(engine: Engine, service: Service, context: Context) -> str | None:
    """Return the version of the server in an image that is here; None when it is here and does not say.

    Official images name it in their environment, as `PG_VERSION` or `REDIS_VERSION`; others in their tag.

    Raises:
        Refused: The image is not here, and its registry does not have it or cannot be asked.
    """
    image = name_of(service, context)
    status, body = ask(engine, f"/images/{quote(image, safe='/:@')}/json", _FORETELL_SECONDS, context.env)
    if status == 200:  # noqa: PLR2004  # HTTP
        return version_told(service, body, image)
    try:
        status, body = ask(engine, f"/distribution/{quote(image, safe='/:@')}/json", _FORETELL_SECONDS, context.env)
    except Refused:
        raise Refused(_reason(service, image, f"no answer within {_FORETELL_SECONDS:g} s")) from None
    if status == 200:  # noqa: PLR2004  # HTTP
        return None
    raise Refused(_reason(service, image, str(body.get("message", status))))


def version_told(service: Service, body: Mapping[str, Any], image: str) -> str | None:
    """Return the version of the server in an image: what its environment says, else the number of its tag.

    Args:
        service: What is in it.
        body: What the engine says of the image.
        image: Its name.
    """
    variables = dict(v.partition("=")[::2] for v in (body.get("Config") or {}).get("Env") or [])
    servers = (*_SERVERS, service.name.upper())
    told: str | None = next((v for k, v in variables.items() if k.endswith("_VERSION") and k[:-8] in servers), None)
    if told:
        return told.partition("-")[0]
    tag = re.match(r"v?(\d+(?:\.\d+)*)", tag_of(image))
    return tag[1] if tag else None


_SERVERS = ("PG", "REDIS", "VALKEY", "CLICKHOUSE")


def _reason(service: Service, image: str, error: str) -> Reason:
    fields = {"image": image, "error": error, "variable": f"TEST_FRAMEWORK_{service.name.upper()}_IMAGE"}
    if _FULL.search(error):
        return Reason.of(Code.DISK_FULL, what=f"the image {image}", error=error)
    if _LIMITED.search(error):
        return Reason.of(Code.PULL_RATE_LIMITED, **fields)
    return Reason.of(Code.IMAGE_MISSING if _ABSENT.search(error) else Code.REGISTRY_UNREACHABLE, **fields)


def ensure(client: docker.DockerClient, service: Service, context: Context) -> str:
    """Pull the image where the engine does not have it, with progress, within `pull_seconds`; return its name.

    Raises:
        Refused: `image-missing`, `registry-unreachable`, `pull-rate-limited` or `disk-full`.
    """
    from docker.errors import DockerException, ImageNotFound

    image = name_of(service, context)
    try:
        client.images.get(image)
    except ImageNotFound:
        pass
    else:
        return image
    context.progress(f"pulling {image}")
    failed: list[str] = []
    heard = threading.Event()

    def pull() -> None:
        try:
            for line in _pull_lines(client, image):
                heard.set()
                if "error" in line:
                    failed.append(str(line["error"]))
                progress.saw(line)
        except (DockerException, OSError) as error:
            failed.append(str(getattr(error, "explanation", None) or error))

    progress = _Progress(image, context)
    thread = threading.Thread(target=pull, daemon=True, name=f"pull {image}")
    thread.start()
    thread.join(min(_FIRST_WORD_SECONDS, context.settings.pull_seconds))
    if heard.is_set():
        thread.join(context.settings.pull_seconds)
    if thread.is_alive():
        failed.append(f"the pull did not end within {context.settings.pull_seconds:g} s (TEST_FRAMEWORK_PULL_SECONDS)")
    if failed:
        raise Refused(_reason(service, image, failed[0]))
    return image


def _pull_lines(client: docker.DockerClient, image: str) -> Any:
    name, at, digest = image.partition("@")
    repository, colon, tag = name.rpartition(":")
    if at:
        return client.api.pull(name, tag=digest, stream=True, decode=True)
    if not colon or "/" in tag:
        repository, tag = name, "latest"
    return client.api.pull(repository, tag=tag, stream=True, decode=True)


class _Progress:
    """Adds up the layers of a pull and says how far it is, once a second."""

    def __init__(self, image: str, context: Context) -> None:
        self._image = image
        self._say = context.progress
        self._layers: dict[str, tuple[int, int]] = {}
        self._last = 0.0

    def saw(self, line: dict[str, Any]) -> None:
        """Take one line of the engine's progress."""
        detail = line.get("progressDetail") or {}
        if line.get("status") == "Downloading" and detail.get("total"):
            self._layers[line["id"]] = (detail["current"], detail["total"])
        if self._layers and time.monotonic() - self._last >= _SAY_EVERY:
            self._last = time.monotonic()
            done, total = (sum(column) for column in zip(*self._layers.values(), strict=True))
            self._say(f"pulling {self._image}: {done / 1e6:.0f} of {total / 1e6:.0f} MB")
