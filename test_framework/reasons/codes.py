"""The codes of all reasons, and what an entry of the catalogue holds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
    DOCKER_FORBIDDEN = "docker-forbidden"
    ENGINE_LOST = "engine-lost"
    BAD_DOCKER_SETTING = "bad-docker-setting"
    DISK_FULL = "disk-full"
    SDK_MISSING = "sdk-missing"
    IMAGE_MISSING = "image-missing"
    REGISTRY_UNREACHABLE = "registry-unreachable"
    PULL_RATE_LIMITED = "pull-rate-limited"
    REGISTRY_LOGIN_MISSING = "registry-login-missing"
    # Servers that we start
    PORT_UNREACHABLE = "port-unreachable"
    ENGINE_ELSEWHERE = "engine-elsewhere"
    START_FAILED = "start-failed"
    OPTION_REFUSED = "option-refused"
    HEALTH_TIMEOUT = "health-timeout"
    SERVER_DIED = "server-died"
    SERVER_HANGS = "server-hangs"
    PORT_TAKEN = "port-taken"
    DEPENDENCY_UNAVAILABLE = "dependency-unavailable"
    DEPENDENCY_BROKEN = "dependency-broken"
    # Embedded
    BINARY_MISSING = "binary-missing"
    VERSION_MISMATCH = "version-mismatch"
    DOWNLOAD_FAILED = "download-failed"
    CHECKSUM_MISMATCH = "checksum-mismatch"
    LIBRARY_MISSING = "library-missing"
    EXTENSION_MISSING = "extension-missing"
    CANNOT_DROP_ROOT = "cannot-drop-root"
    USER_UNKNOWN = "user-unknown"
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
    INTERNAL_ERROR = "internal-error"
    # A test and its data
    TEMPLATE_FAILED = "template-failed"
    ISOLATION_FAILED = "isolation-failed"
    LEFT_BEHIND = "left-behind"
    SKIPPED_BY_TEST = "skipped-by-test"


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """The sentences of one code; `{names}` are filled in by `resolution.Reason.of`."""

    kind: Kind
    message: str
    remedy: str
