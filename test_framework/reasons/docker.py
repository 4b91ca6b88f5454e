"""Docker: what its engine, its images and their registry may refuse."""

from __future__ import annotations

from test_framework.reasons.codes import CatalogueEntry, Code, Kind

_U, _B = Kind.UNAVAILABLE, Kind.BROKEN

DOCKER: dict[Code, CatalogueEntry] = {
    Code.SOCKET_MISSING: CatalogueEntry(
        _U,
        "no Docker socket at {host} (from {source})",
        "Start Docker (Linux: sudo systemctl start docker; macOS: open -a Docker), or set DOCKER_HOST.",
    ),
    Code.DAEMON_NOT_RUNNING: CatalogueEntry(
        _U,
        "no daemon listens on {host} (from {source})",
        "Start Docker (Linux: sudo systemctl start docker; macOS: open -a Docker).",
    ),
    Code.PERMISSION_DENIED: CatalogueEntry(
        _U,
        "user {user} has no permission to open {host} (from {source})",
        "Run: sudo usermod -aG docker {user}, then log in again; or use rootless Docker.",
    ),
    Code.DAEMON_HUNG: CatalogueEntry(
        _U,
        "{host} (from {source}) accepts connections but does not answer within {seconds:g} s",
        "Restart Docker (Linux: sudo systemctl restart docker; macOS: quit and open Docker Desktop).",
    ),
    Code.REMOTE_UNREACHABLE: CatalogueEntry(
        _U,
        "cannot reach the Docker host {host} (from {source}): {error}",
        "Check the name and port, the network, the VPN, the firewall, and that Docker listens there; "
        "or choose another engine: run docker context use default, or unset DOCKER_HOST.",
    ),
    Code.BAD_DOCKER_HOST: CatalogueEntry(
        _U,
        "{value!r} (from {source}) is not a Docker address: {error}",
        "Set it to unix:///path, tcp://host:port or ssh://user@host, or unset it.",
    ),
    Code.SSH_TRANSPORT_MISSING: CatalogueEntry(
        _U,
        "{host} (from {source}) needs the ssh program, which is not on the PATH",
        "Install an OpenSSH client (Debian: apt-get install openssh-client), or use a tcp:// or unix:// address.",
    ),
    Code.SSH_HOST_KEY: CatalogueEntry(
        _U,
        "the host key of {host} (from {source}) is not trusted: {error}",
        "Run ssh {target} once, and compare the key that it shows with the key of that machine.",
    ),
    Code.SSH_LOGIN_REFUSED: CatalogueEntry(
        _U,
        "{host} (from {source}) refuses the SSH login: {error}",
        "Run: ssh-copy-id {target}. If your key has a passphrase, add it to the agent: ssh-add.",
    ),
    Code.SSH_DOCKER_MISSING: CatalogueEntry(
        _U,
        "ssh connects to {host} (from {source}) but cannot run the docker command there: {error}",
        "Install the docker CLI on that machine. It works when this does: ssh {target} docker version",
    ),
    Code.TLS_MISCONFIGURED: CatalogueEntry(
        _U,
        "TLS to {host} (from {source}) failed: {error}",
        "Check ca.pem, cert.pem and key.pem in DOCKER_CERT_PATH or in the context, and DOCKER_TLS_VERIFY.",
    ),
    Code.CONTEXT_MISSING: CatalogueEntry(
        _U,
        "cannot use the Docker context from {source}: {error}",
        "Run docker context use NAME (choices: {choices}), unset DOCKER_CONTEXT, or set DOCKER_HOST.",
    ),
    Code.API_MISMATCH: CatalogueEntry(
        _U,
        "{host} (from {source}) speaks Docker API {found}, but at least {needed} is required",
        "Upgrade the Docker engine.",
    ),
    Code.NOT_DOCKER: CatalogueEntry(
        _U,
        "{host} (from {source}) answers, but it is not Docker: {error}",
        "Point DOCKER_HOST or the Docker context at a Docker engine.",
    ),
    Code.DAEMON_ERROR: CatalogueEntry(
        _U,
        "the Docker engine at {host} (from {source}) answers with an error: {error}",
        "Read the engine's log (Linux: journalctl -u docker), then restart it.",
    ),
    Code.WINDOWS_CONTAINERS: CatalogueEntry(
        _U,
        "the Docker engine at {host} (from {source}) runs Windows containers",
        "Switch Docker Desktop to Linux containers.",
    ),
    Code.DOCKER_FORBIDDEN: CatalogueEntry(
        _U,
        "{host} (from {source}) forbids {what}: {error}",
        "Allow it in the proxy (docker-socket-proxy: CONTAINERS=1, IMAGES=1 and POST=1), or choose another engine.",
    ),
    Code.ENGINE_LOST: CatalogueEntry(
        _U,
        "the Docker engine at {host} (from {source}) stopped while {service} was starting: {error}",
        "Read the engine's log (Linux: journalctl -u docker) to find out why it stopped.",
    ),
    Code.BAD_DOCKER_SETTING: CatalogueEntry(
        _U,
        "{source} cannot be used for Docker: {error}",
        "Correct {source}, or remove it.",
    ),
    Code.DISK_FULL: CatalogueEntry(
        _B,
        "no space left for {what}: {error}",
        "Free some space: run docker system prune, or empty the folder named in the message.",
    ),
    Code.SDK_MISSING: CatalogueEntry(
        _U,
        "the Python package {package} cannot be imported: {error}",
        "Run: pip install {package}",
    ),
    Code.IMAGE_MISSING: CatalogueEntry(
        _U,
        "the image {image} was not found on the engine or in its registry: {error}",
        "Check its name, build it, or set {variable} to another image.",
    ),
    Code.REGISTRY_UNREACHABLE: CatalogueEntry(
        _U,
        "the image {image} is not on the engine, and its registry cannot be reached: {error}",
        "Connect to a network and run docker pull {image}, or set {variable} to an image that the engine has.",
    ),
    Code.PULL_RATE_LIMITED: CatalogueEntry(
        _U,
        "the registry's rate limit refused the pull of {image}: {error}",
        "Run docker login, wait, or set {variable} to an image from another registry.",
    ),
    Code.REGISTRY_LOGIN_MISSING: CatalogueEntry(
        _U,
        "the image {image} is not on the engine, cannot be pulled without a login ({error}), and {login}",
        "Fix the credential helper (docker login shows whether it works), or set {variable} to an image "
        "that the engine has.",
    ),
}
