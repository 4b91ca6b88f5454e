"""The closed list of reasons: what each code means, what it says, and what to do about it.

`unavailable` lets the next provider be tried. `broken` fails the test: something was there and did not work.
The sentences are templates; `verdict.Reason.of` fills them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["CATALOGUE", "Code", "Entry", "Kind"]


class Kind(StrEnum):
    """What a reason does to the run."""

    UNAVAILABLE = "unavailable"
    BROKEN = "broken"


class Code(StrEnum):
    """Every reason that the product can give."""

    # Docker
    SOCKET_MISSING = "socket-missing"
    DAEMON_NOT_RUNNING = "daemon-not-running"
    PERMISSION_DENIED = "permission-denied"
    DAEMON_HUNG = "daemon-hung"
    REMOTE_UNREACHABLE = "remote-unreachable"
    BAD_DOCKER_HOST = "bad-docker-host"
    SSH_TRANSPORT_MISSING = "ssh-transport-missing"
    SSH_HOST_KEY = "ssh-host-key"
    SSH_LOGIN_REFUSED = "ssh-login-refused"
    SSH_DOCKER_MISSING = "ssh-docker-missing"
    TLS_MISCONFIGURED = "tls-misconfigured"
    CONTEXT_MISSING = "context-missing"
    API_MISMATCH = "api-mismatch"
    NOT_DOCKER = "not-docker"
    DAEMON_ERROR = "daemon-error"
    WINDOWS_CONTAINERS = "windows-containers"
    DISK_FULL = "disk-full"
    SDK_MISSING = "sdk-missing"
    IMAGE_MISSING = "image-missing"
    REGISTRY_UNREACHABLE = "registry-unreachable"
    PULL_RATE_LIMITED = "pull-rate-limited"
    # Servers that we start
    PORT_UNREACHABLE = "port-unreachable"
    ENGINE_ELSEWHERE = "engine-elsewhere"
    START_FAILED = "start-failed"
    HEALTH_TIMEOUT = "health-timeout"
    SERVER_DIED = "server-died"
    PORT_TAKEN = "port-taken"
    DEPENDENCY_UNAVAILABLE = "dependency-unavailable"
    DEPENDENCY_BROKEN = "dependency-broken"
    # Embedded
    BINARY_MISSING = "binary-missing"
    VERSION_MISMATCH = "version-mismatch"
    CANNOT_DROP_ROOT = "cannot-drop-root"
    # Explicit and staging
    NOT_CONFIGURED = "not-configured"
    HOST_NOT_ALLOWED = "host-not-allowed"
    DESTRUCTIVE = "destructive"
    NAME_UNRESOLVED = "name-unresolved"
    CONNECTION_REFUSED = "connection-refused"
    CONNECT_TIMEOUT = "connect-timeout"
    TLS_FAILED = "tls-failed"
    HTTP_ERROR = "http-error"
    LOGIN_FAILED = "login-failed"
    WRONG_SERVICE = "wrong-service"
    DEPENDENCY_DOWN = "dependency-down"
    CONFIGURATION_DRIFT = "configuration-drift"
    TOO_SLOW = "too-slow"
    # Any provider
    PROVIDER_DISABLED = "provider-disabled"
    # A test and its data
    TEMPLATE_FAILED = "template-failed"
    ISOLATION_FAILED = "isolation-failed"
    LEFT_BEHIND = "left-behind"
    SKIPPED_BY_TEST = "skipped-by-test"


@dataclass(frozen=True, slots=True)
class Entry:
    """The sentences of one code; `{names}` are filled in by `verdict.Reason.of`."""

    kind: Kind
    message: str
    remedy: str


_U, _B = Kind.UNAVAILABLE, Kind.BROKEN

CATALOGUE: dict[Code, Entry] = {
    Code.SOCKET_MISSING: Entry(
        _U,
        "no Docker socket at {host}, from {source}",
        "Start Docker (Linux: sudo systemctl start docker; macOS: open -a Docker), or set DOCKER_HOST.",
    ),
    Code.DAEMON_NOT_RUNNING: Entry(
        _U,
        "no daemon listens on {host}, from {source}",
        "Start Docker (Linux: sudo systemctl start docker; macOS: open -a Docker).",
    ),
    Code.PERMISSION_DENIED: Entry(
        _U,
        "user {user} may not open {host}, from {source}",
        "Run: sudo usermod -aG docker {user}, then log in again; or use rootless Docker.",
    ),
    Code.DAEMON_HUNG: Entry(
        _U,
        "something listens on {host}, from {source}, and does not answer within {seconds:g} s",
        "Restart Docker (Linux: sudo systemctl restart docker; macOS: quit and open Docker Desktop).",
    ),
    Code.REMOTE_UNREACHABLE: Entry(
        _U,
        "cannot reach the Docker host {host}, from {source}: {error}",
        "Check name and port, the network, VPN and firewalls, and that it listens there; "
        "or choose another engine: docker context use default, or unset DOCKER_HOST.",
    ),
    Code.BAD_DOCKER_HOST: Entry(
        _U,
        "{value!r}, from {source}, is not a Docker address: {error}",
        "Set it to unix:///path, tcp://host:port or ssh://user@host, or unset it.",
    ),
    Code.SSH_TRANSPORT_MISSING: Entry(
        _U,
        "{host}, from {source}, needs the ssh program, and none is on the PATH",
        "Install an OpenSSH client (Debian: apt-get install openssh-client), or use a tcp:// or unix:// address.",
    ),
    Code.SSH_HOST_KEY: Entry(
        _U,
        "the host key of {host}, from {source}, is not trusted: {error}",
        "Log in once by hand, and compare the key with the machine's own: ssh {target}.",
    ),
    Code.SSH_LOGIN_REFUSED: Entry(
        _U,
        "{host}, from {source}, does not let us in: {error}",
        "Give it your key: ssh-copy-id {target}. One with a passphrase has to be in an agent: ssh-add.",
    ),
    Code.SSH_DOCKER_MISSING: Entry(
        _U,
        "ssh gets through to {host}, from {source}, and finds no usable docker command there: {error}",
        "Install the docker CLI there, on the PATH of a shell without login: ssh {target} docker version.",
    ),
    Code.TLS_MISCONFIGURED: Entry(
        _U,
        "TLS to {host}, from {source}, does not work: {error}",
        "Check ca.pem, cert.pem and key.pem in DOCKER_CERT_PATH or of the context, and DOCKER_TLS_VERIFY.",
    ),
    Code.CONTEXT_MISSING: Entry(
        _U,
        "no usable Docker context, from {source}: {error}",
        "Choose one of: {choices} with docker context use NAME, unset DOCKER_CONTEXT, or set DOCKER_HOST.",
    ),
    Code.API_MISMATCH: Entry(
        _U,
        "{host}, from {source}, speaks Docker API {found}, and at least {needed} is needed",
        "Upgrade the Docker engine.",
    ),
    Code.NOT_DOCKER: Entry(
        _U,
        "{host}, from {source}, answers, but it is not Docker: {error}",
        "Point DOCKER_HOST or the Docker context at a Docker engine.",
    ),
    Code.DAEMON_ERROR: Entry(
        _U,
        "the Docker engine at {host}, from {source}, answers with an error: {error}",
        "Look at the engine's log (Linux: journalctl -u docker), then restart it.",
    ),
    Code.WINDOWS_CONTAINERS: Entry(
        _U,
        "the Docker engine at {host}, from {source}, runs Windows containers",
        "Switch Docker Desktop to Linux containers.",
    ),
    Code.DISK_FULL: Entry(
        _B,
        "no space is left for {what}: {error}",
        "Free some space: docker system prune, or empty the folder that the message names.",
    ),
    Code.SDK_MISSING: Entry(
        _U,
        "the Python package {package} cannot be imported: {error}",
        "Run: pip install {package}",
    ),
    Code.IMAGE_MISSING: Entry(
        _U,
        "the image {image} is not on the engine, and its registry does not have it: {error}",
        "Check the name, build it, or name another one in {variable}.",
    ),
    Code.REGISTRY_UNREACHABLE: Entry(
        _U,
        "the image {image} is not on the engine, and its registry cannot be reached: {error}",
        "Run docker pull {image} where there is a network, or name an image that is here in {variable}.",
    ),
    Code.PULL_RATE_LIMITED: Entry(
        _U,
        "the registry limits pulls of {image}: {error}",
        "Run docker login, wait, or name an image of another registry in {variable}.",
    ),
    Code.PORT_UNREACHABLE: Entry(
        _U,
        "{service} runs in a container, and port {port} of {host}, which leads to it, cannot be reached: {error}",
        "Open the ports that Docker publishes on {host} to this machine, name another way there in "
        "TESTCONTAINERS_HOST_OVERRIDE, or choose an engine on this machine.",
    ),
    Code.ENGINE_ELSEWHERE: Entry(
        _U,
        "{service} is wanted on a port of this machine, or without a password, and the engine is at {host}",
        "Choose an engine on this machine (docker context use default, or unset DOCKER_HOST), or ask for neither.",
    ),
    Code.START_FAILED: Entry(
        _B,
        "{service} did not start on {provider}: {error}",
        "Read the server's log below, mend what it names, then run again.",
    ),
    Code.HEALTH_TIMEOUT: Entry(
        _B,
        "{service} on {provider} started, and did not answer a query within {seconds:g} s: {error}",
        "Read the server's log below, or raise TEST_FRAMEWORK_START_SECONDS.",
    ),
    Code.SERVER_DIED: Entry(
        _B,
        "{service} on {provider} was running and is gone: {error}",
        "Look for who stopped it (docker events, dmesg); the next run starts a new one.",
    ),
    Code.PORT_TAKEN: Entry(
        _B,
        "port {port} of this machine, asked for {service}, cannot be had: {error}",
        "End what uses it, or ask for another one: --port {service}=PORT.",
    ),
    Code.DEPENDENCY_UNAVAILABLE: Entry(
        _U,
        "{service} on {provider} needs {dependency}, which cannot be had: {error}",
        "Get {dependency} first. {remedy}",
    ),
    Code.DEPENDENCY_BROKEN: Entry(
        _B,
        "{service} on {provider} needs {dependency}, which is broken: {error}",
        "Mend {dependency} first. {remedy}",
    ),
    Code.BINARY_MISSING: Entry(_U, "no {binary} {looked}", "Install it: {install}."),
    Code.VERSION_MISMATCH: Entry(
        _U,
        "{service} {found} is here, and the settings ask for major version {wanted} and refuse another",
        'Install version {wanted}, or set major_mismatch = "show" in [tool.test_framework.services.{service}].',
    ),
    Code.CANNOT_DROP_ROOT: Entry(
        _U,
        "{service} refuses to run as root, and root cannot become another user here: {error}",
        "Run the tests as an ordinary user.",
    ),
    Code.NOT_CONFIGURED: Entry(_U, "{what} is not configured", "Set {variables}."),
    Code.HOST_NOT_ALLOWED: Entry(
        _U,
        "{host} is not on this machine, and the settings do not allow it",
        "Add it to allowed_hosts in [tool.test_framework], or set TEST_FRAMEWORK_ALLOWED_HOSTS={host}.",
    ),
    Code.DESTRUCTIVE: Entry(
        _U,
        "the test may write, and {service} is {provider} at {host}",
        "Mark it staging_safe if it cleans up what it makes, or give it Docker or an embedded server.",
    ),
    Code.NAME_UNRESOLVED: Entry(
        _U,
        "the name {host} cannot be resolved: {error}",
        "Check the spelling in {source}, the network and the VPN.",
    ),
    Code.CONNECTION_REFUSED: Entry(
        _U,
        "{host}:{port} refuses the connection",
        "Start the server, or correct the address in {source}.",
    ),
    Code.CONNECT_TIMEOUT: Entry(
        _U,
        "{host}:{port} does not answer within {seconds:g} s",
        "Check the network, the VPN and the firewall, or correct the address in {source}.",
    ),
    Code.TLS_FAILED: Entry(
        _B,
        "TLS with {host}:{port} fails: {error}",
        "Mend the certificate, or name its authority in STAGING_CA_BUNDLE.",
    ),
    Code.HTTP_ERROR: Entry(_B, "{url} answers {status}", "Look at the log of the service behind {source}."),
    Code.LOGIN_FAILED: Entry(
        _B,
        "{host}:{port} refuses the login: {error}",
        "Correct the user and the password in {source}.",
    ),
    Code.WRONG_SERVICE: Entry(
        _B,
        "{host}:{port} is not {service}: {error}",
        "Correct the address in {source}.",
    ),
    Code.DEPENDENCY_DOWN: Entry(
        _B,
        "{url} answers, and its {dependency} is down: {error}",
        "Look at the {dependency} from inside the network of the service behind {source}.",
    ),
    Code.CONFIGURATION_DRIFT: Entry(
        _B,
        "{url} says {key} = {found}, and {wanted} is expected by {expected_by}",
        "Deploy what is expected, or correct {expected_by}.",
    ),
    Code.TOO_SLOW: Entry(
        _B,
        "{url} does not keep a service level: {error}",
        "Look for what slows the service behind {source}, or change the level in [tool.test_framework.levels].",
    ),
    Code.PROVIDER_DISABLED: Entry(
        _U,
        "{provider} is switched off by {source}",
        "Add {provider} to the providers, or remove {source}.",
    ),
    Code.TEMPLATE_FAILED: Entry(
        _B,
        "the database template {template} failed: {error}",
        "Mend the statement that the message shows.",
    ),
    Code.ISOLATION_FAILED: Entry(
        _B,
        "{service} on {provider} has no {isolation} for this test alone: {error}",
        'Set isolation = "{other}" in [tool.test_framework.services.{service}], or give it a server that has more.',
    ),
    Code.LEFT_BEHIND: Entry(
        _B, "the test changed what other tests have too: {what}", "Undo it in the test, or {instead}."
    ),
    Code.SKIPPED_BY_TEST: Entry(
        _U,
        "{text}",
        "The test itself says so, at {where}: mend the condition, or allow the code skipped-by-test for the tier.",
    ),
}
