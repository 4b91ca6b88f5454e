"""Images: which one, whether it is there, what its absence means, and the pull with its progress."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from test_framework.image_name import image_of_version, names_valkey, tag_of
from test_framework.progress import Transfer
from test_framework.providers.docker import faults, logins
from test_framework.providers.docker.answers import FORBIDDEN
from test_framework.providers.docker.probe import Engine, ask
from test_framework.providers.docker.variables import check
from test_framework.reasons import Code
from test_framework.resolution import Reason, Refused
from test_framework.version import valkey

if TYPE_CHECKING:
    from collections.abc import Mapping

    import docker

    from test_framework.contracts import Context, Service

_FORETELL_SECONDS = 1.0
_FIRST_WORD_SECONDS = 30.0

# As the engine words them; it gives no machine-readable code for what a registry answered.
_LIMITED = re.compile(r"toomanyrequests|rate limit", re.I)
_ABSENT = re.compile(
    r"manifest unknown|not found|does not exist|denied|no matching manifest|unauthorized|invalid ref", re.I
)
_FULL = re.compile(r"no space left on device", re.I)


def name_of(service: Service, context: Context) -> str:
    """Return the image that the settings name, else the default one, behind testcontainers' registry prefix.

    The default one is of the version that the settings ask for.

    Raises:
        Refused: `not-configured`, for a service that has no default.
    """
    table = context.settings.service(service.name)
    image = table.image or image_of_version(service.default_image, table.version)
    if not image:
        what, variable = f"an image for {service.name}", f"TEST_FRAMEWORK_{service.name.upper()}_IMAGE"
        raise Refused(Reason.of(Code.NOT_CONFIGURED, what=what, variables=variable))
    return context.env.get("TESTCONTAINERS_HUB_IMAGE_NAME_PREFIX", "") + image


def probe_image(engine: Engine, service: Service, context: Context) -> str | None:
    """Return the version of the server in an image that is here; None when it is here and does not say.

    Official images name it in their environment, as `PG_VERSION` or `REDIS_VERSION`; others in their tag.

    Raises:
        Refused: The image is not here, and its registry does not have it or cannot be asked.
    """
    image = name_of(service, context)
    status, body = ask(engine, f"/images/{quote(image, safe='/:@')}/json", _FORETELL_SECONDS, context.env)
    if status == 200:  # noqa: PLR2004  # HTTP
        return version_of_image(service, body, image)
    if status in FORBIDDEN:
        raise Refused(faults.forbidden(engine, "GET /images", body.get("message", status)))
    try:
        status, body = ask(engine, f"/distribution/{quote(image, safe='/:@')}/json", _FORETELL_SECONDS, context.env)
    except Refused:
        raise Refused(_reason(service, image, f"no answer within {_FORETELL_SECONDS:g} s")) from None
    # A proxy that does not let us ask says no word of its own; whether the image can be pulled is not known then.
    if status == 200 or (status in FORBIDDEN and not body):  # noqa: PLR2004  # HTTP
        return None
    raise Refused(_reason(service, image, str(body.get("message", status))))


def version_of_image(service: Service, body: Mapping[str, Any], image: str) -> str | None:
    """Return the version of the server in an image: what its environment says, else the number of its tag.

    Args:
        service: What is in it.
        body: What the engine says of the image.
        image: Its name.
    """
    variables = dict(v.partition("=")[::2] for v in (body.get("Config") or {}).get("Env") or [])
    servers = (*_SERVERS, service.name.upper())
    told: str | None = next((v for k, v in variables.items() if k.endswith("_VERSION") and k[:-8] in servers), None)
    tag = re.match(r"v?(\d+(?:\.\d+)*)", tag_of(image))
    number = told.partition("-")[0] if told else tag[1] if tag else None
    return valkey(number) if number and ("VALKEY_VERSION" in variables or names_valkey(image)) else number


_SERVERS = ("PG", "REDIS", "VALKEY", "CLICKHOUSE")


def _reason(service: Service, image: str, error: str, without: str = "") -> Reason:
    """Return why an image cannot be had; `without` is why it was tried without a login."""
    fields = {"image": image, "error": error, "variable": f"TEST_FRAMEWORK_{service.name.upper()}_IMAGE"}
    if without and not _FULL.search(error):
        return Reason.of(Code.REGISTRY_LOGIN_MISSING, login=without, **fields)
    if _FULL.search(error):
        return Reason.of(Code.DISK_FULL, what=f"the image {image}", error=error)
    if _LIMITED.search(error):
        return Reason.of(Code.PULL_RATE_LIMITED, **fields)
    return Reason.of(Code.IMAGE_MISSING if _ABSENT.search(error) else Code.REGISTRY_UNREACHABLE, **fields)


def ensure(client: docker.DockerClient, engine: Engine, service: Service, context: Context) -> str:
    """Pull the image where the engine does not have it, with progress, within `pull_seconds`; return its name.

    Raises:
        Refused: `image-missing`, `registry-unreachable`, `pull-rate-limited`, `registry-login-missing` or `disk-full`.
        DockerException: The engine does not answer, or forbids it.
    """
    from docker.errors import ImageNotFound

    image = name_of(service, context)
    try:
        client.images.get(image)
    except ImageNotFound:
        pass
    else:
        return image
    context.progress(f"pulling {image}")
    login, without = _login(image, context)
    failed, error = _pull(client, image, login, context)
    if error and (why := faults.reason_of(error, engine, service.name)):
        raise Refused(why) from error
    if failed:
        raise Refused(_reason(service, image, failed, without))
    return image


def _pull(
    client: docker.DockerClient, image: str, login: dict[str, Any], context: Context
) -> tuple[str, Exception | None]:
    """Pull an image; return what failed, empty where nothing did, and what the SDK has raised."""
    from docker.errors import DockerException

    failed: list[tuple[str, Exception | None]] = []
    heard = threading.Event()

    def pull() -> None:
        try:
            for line in _pull_lines(client, image, login):
                heard.set()
                if "error" in line:
                    failed.append((str(line["error"]), None))
                progress.update(line)
        except (DockerException, OSError) as error:
            failed.append((str(getattr(error, "explanation", None) or error), error))

    progress = _Layers(image, context)
    thread = threading.Thread(target=pull, daemon=True, name=f"pull {image}")
    thread.start()
    thread.join(min(_FIRST_WORD_SECONDS, context.settings.pull_seconds))
    if heard.is_set():
        thread.join(context.settings.pull_seconds)
    if thread.is_alive():
        seconds = f"{context.settings.pull_seconds:g} s (TEST_FRAMEWORK_PULL_SECONDS)"
        failed.append((f"the pull did not end within {seconds}", None))
    return failed[0] if failed else ("", None)


def _login(image: str, context: Context) -> tuple[dict[str, Any], str]:
    """Return the login for the image's registry, and why there is none where there should be one."""
    from docker.auth import resolve_repository_name
    from docker.errors import DockerException

    try:
        registry = resolve_repository_name(image.partition("@")[0])[0]
        return logins.login_for(registry, check(context.env), context.env, context.guard), ""
    except logins.NoLogin as error:
        return {}, str(error)
    except DockerException:
        # No name of an image: the pull says so.
        return {}, ""


def _pull_lines(client: docker.DockerClient, image: str, login: dict[str, Any]) -> Any:
    name, at, digest = image.partition("@")
    repository, colon, tag = name.rpartition(":")
    if at:
        return client.api.pull(name, tag=digest, stream=True, decode=True, auth_config=login)
    if not colon or "/" in tag:
        repository, tag = name, "latest"
    return client.api.pull(repository, tag=tag, stream=True, decode=True, auth_config=login)


class _Layers:
    """Adds up the layers of a pull, and says how far it is."""

    def __init__(self, image: str, context: Context) -> None:
        self._transfer = Transfer(f"pulling {image}", context.progress)
        self._layers: dict[str, tuple[int, int]] = {}

    def update(self, line: dict[str, Any]) -> None:
        """Take one line of the engine's progress."""
        detail = line.get("progressDetail") or {}
        if line.get("status") == "Downloading" and detail.get("total"):
            self._layers[line["id"]] = (detail["current"], detail["total"])
        if self._layers:
            self._transfer.update(*(sum(column) for column in zip(*self._layers.values(), strict=True)))
