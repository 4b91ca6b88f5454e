"""Which addresses are tried for Docker, and in which order: from an environment and a home folder alone."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from test_framework.providers.docker.endpoint import Candidate, candidates, parse_host
from test_framework.resolution import Code, Reason, Refused

if TYPE_CHECKING:
    from pathlib import Path


def the_one(env: dict[str, str], home: Path) -> Candidate:
    """Return the only candidate."""
    (candidate,) = candidates(env, home)
    return candidate


def refused(env: dict[str, str], home: Path) -> Reason:
    """Return why there are no candidates."""
    with pytest.raises(Refused) as caught:
        candidates(env, home)
    return caught.value.reason


def make_context(folder: Path, name: str, meta: object = None, *, tls: tuple[str, ...] = ()) -> Path:
    """Write a context into the store in `folder`, as `docker context create` does; return its TLS folder."""
    identity = sha256(name.encode()).hexdigest()
    file = folder / "contexts/meta" / identity / "meta.json"
    file.parent.mkdir(parents=True)
    default = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": f"unix:///run/{name}.sock"}}}
    file.write_text(meta if isinstance(meta, str) else json.dumps(meta or default))
    certificates = folder / "contexts/tls" / identity / "docker"
    for pem in tls:
        certificates.mkdir(parents=True, exist_ok=True)
        (certificates / pem).touch()
    return certificates


def use_context(folder: Path, name: object) -> None:
    """Make it the current context, as `docker context use` does."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"auths": {}, "currentContext": name}))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return the CLI's configuration folder in the home folder."""
    folder = tmp_path / ".docker"
    folder.mkdir()
    return folder


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """Return a folder with the three files that TLS needs."""
    folder = tmp_path / "certificates"
    folder.mkdir()
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("unix:///run/x.sock", "unix:///run/x.sock"),
        ("unix://", "unix:///var/run/docker.sock"),
        ("/run/x.sock", "unix:///run/x.sock"),
        ("unix:///a b", "unix:///a b"),
        ("tcp://", "tcp://localhost:2375"),
        ("tcp://h", "tcp://h:2375"),
        ("tcp://:1", "tcp://localhost:1"),
        ("h", "tcp://h:2375"),
        ("h:12", "tcp://h:12"),
        ("tcp://h:99/p/q", "tcp://h:99/p/q"),
        ("tcp://h:1/a:b", "tcp://h:1/a:b"),
        ("tcp://user:secret@h:1", "tcp://h:1"),
        ("tcp://::1", "tcp://[::1]:2375"),
        ("tcp://[::1]:", "tcp://[::1]:2375"),
        ("tcp://[::1]:3", "tcp://[::1]:3"),
        ("  tcp://h ", "tcp://h:2375"),
        ("ssh://u@h:22/run/d.sock", "ssh://u@h:22/run/d.sock"),
        ("npipe://", "npipe:////./pipe/docker_engine"),
    ],
)
def test_address_is_completed(value: str, address: str) -> None:
    """An address gets the default host, port and path that the docker CLI gives it."""
    assert parse_host(value) == address


def test_relative_socket_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is taken from the current directory, since other processes have another one."""
    monkeypatch.chdir(tmp_path)

    assert parse_host("./d.sock") == parse_host("unix://d.sock") == f"unix://{tmp_path}/d.sock"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("foo://x", "'foo'"),
        ("http://h:1", "'http'"),
        ("TCP://h", "'TCP'"),
        ("fd://3", "'fd'"),
        ("tcp://h:abc", "abc"),
        ("tcp://h:99999", "65535"),
        ("tcp://h:0", "port is 0"),
        ("tcp://[::1]", "brackets"),
        ("tcp://[::1", "IPv6"),
        ("tcp://1:2:3", "IPv6"),
        ("tcp://a b:1", "space"),
        ("tcp://unix://", "two schemes"),
        ("unix://tcp://x", "two schemes"),
        ("unix:/run/x.sock", "two slashes"),
        ("unix:///a\x00b", "printed"),
        ("ssh://", "host name"),
        ("ssh://h?q", "query"),
        ("ssh://h#f", "fragment"),
        ("ssh://h:x", "'x'"),
    ],
)
def test_bad_docker_host_is_refused(value: str, why: str, tmp_path: Path) -> None:
    """What is not an address is refused with the value and what is wrong with it."""
    reason = refused({"DOCKER_HOST": value}, tmp_path)

    assert reason.code is Code.BAD_DOCKER_HOST
    assert repr(value) in reason.message
    assert "DOCKER_HOST" in reason.message
    assert why in reason.message.partition("address:")[2]


def test_password_in_an_address_is_hidden(tmp_path: Path) -> None:
    """An address with a password is refused without showing it."""
    reason = refused({"DOCKER_HOST": "ssh://u:hunter2@h"}, tmp_path)

    assert reason.code is Code.BAD_DOCKER_HOST
    assert "password" in reason.message
    assert "hunter2" not in reason.message


def test_docker_host_overrides_every_context(config: Path, tmp_path: Path) -> None:
    """DOCKER_HOST is the only candidate, whatever the contexts say, even one that does not exist."""
    use_context(config, "colima")
    env = {"DOCKER_HOST": "tcp://h:1", "DOCKER_CONTEXT": "nowhere"}

    assert the_one(env, tmp_path) == Candidate("DOCKER_HOST", "tcp://h:1", None)


def test_docker_host_is_used_although_the_configuration_is_damaged(config: Path, tmp_path: Path) -> None:
    """A config.json that nothing needs is not read."""
    (config / "config.json").write_text("{")

    assert the_one({"DOCKER_HOST": "tcp://h:1"}, tmp_path).host == "tcp://h:1"


def test_docker_context_overrides_the_current_context(config: Path, tmp_path: Path) -> None:
    """DOCKER_CONTEXT wins over currentContext."""
    make_context(config, "one")
    make_context(config, "two")
    use_context(config, "one")

    assert the_one({"DOCKER_CONTEXT": "two"}, tmp_path) == Candidate("context 'two'", "unix:///run/two.sock", None)


def test_current_context_is_the_only_candidate(config: Path, tmp_path: Path) -> None:
    """The context that `docker context use` chose is used, and nothing else."""
    make_context(config, "colima")
    use_context(config, "colima")

    assert the_one({}, tmp_path) == Candidate("context 'colima'", "unix:///run/colima.sock", None)


def test_docker_config_moves_the_store(tmp_path: Path) -> None:
    """Contexts are looked up in DOCKER_CONFIG when it is set."""
    elsewhere = tmp_path / "elsewhere"
    make_context(elsewhere, "far")
    use_context(elsewhere, "far")

    assert the_one({"DOCKER_CONFIG": str(elsewhere)}, tmp_path).host == "unix:///run/far.sock"


def test_context_without_an_address_means_the_default_socket(config: Path, tmp_path: Path) -> None:
    """A context with an empty host is the default socket, as in the CLI."""
    make_context(config, "bare", {"Name": "bare", "Endpoints": {"docker": {}}})

    candidate = the_one({"DOCKER_CONTEXT": "bare"}, tmp_path)
    assert candidate.host == "unix:///var/run/docker.sock"
    assert candidate.path == "/var/run/docker.sock"


@pytest.mark.parametrize("name", ["", "default"])
def test_default_context_means_nothing_is_chosen(name: str, config: Path, tmp_path: Path) -> None:
    """The context named default, or none, leads to the usual sockets."""
    use_context(config, name)

    assert len(candidates({"DOCKER_CONTEXT": name}, tmp_path)) > 1


def test_missing_context_names_the_others(config: Path, tmp_path: Path) -> None:
    """A context that does not exist is refused with where it was named and which ones there are."""
    make_context(config, "one")
    make_context(config, "damaged", "{")

    reason = refused({"DOCKER_CONTEXT": "nope"}, tmp_path)

    assert reason.code is Code.CONTEXT_MISSING
    assert "'nope' does not exist" in reason.message
    assert "DOCKER_CONTEXT" in reason.message
    assert "(choices: default, one)" in reason.remedy


def test_missing_current_context_names_the_file(config: Path, tmp_path: Path) -> None:
    """A current context that was removed is refused, not replaced by the default socket in silence."""
    use_context(config, "gone")

    reason = refused({}, tmp_path)

    assert reason.code is Code.CONTEXT_MISSING
    assert str(config / "config.json") in reason.message
    assert "'gone'" in reason.message


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b'{"currentContext": ', "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not the configuration"),
        (b'{"currentContext": 3}', "not the configuration"),
    ],
)
def test_damaged_configuration_is_refused(text: bytes, why: str, config: Path, tmp_path: Path) -> None:
    """A config.json that is damaged is told with its path, and is never a traceback."""
    (config / "config.json").write_bytes(text)

    reason = refused({}, tmp_path)

    assert reason.code is Code.CONTEXT_MISSING
    assert str(config / "config.json") in reason.message
    assert why in reason.message


def test_unreadable_configuration_is_refused(config: Path, tmp_path: Path) -> None:
    """A config.json that cannot be read is told with its path."""
    (config / "config.json").mkdir()

    reason = refused({}, tmp_path)

    assert reason.code is Code.CONTEXT_MISSING
    assert f"{config / 'config.json'}: it cannot be read" in reason.message


def test_empty_configuration_chooses_nothing(config: Path, tmp_path: Path) -> None:
    """An empty config.json has no settings, as in the CLI."""
    (config / "config.json").touch()

    assert len(candidates({}, tmp_path)) > 1


@pytest.mark.parametrize(
    ("meta", "why"),
    [
        ("{", "not JSON"),
        ("[]", "no Docker endpoint"),
        ({"Name": "bad", "Endpoints": {"kubernetes": {}}}, "no Docker endpoint"),
        ({"Name": "bad", "Endpoints": {"docker": {"Host": 3}}}, "no Docker endpoint"),
    ],
)
def test_damaged_context_is_refused(meta: object, why: str, config: Path, tmp_path: Path) -> None:
    """A context whose meta.json says nothing usable is refused by name."""
    make_context(config, "bad", meta)

    reason = refused({"DOCKER_CONTEXT": "bad"}, tmp_path)

    assert reason.code is Code.CONTEXT_MISSING
    assert "'bad'" in reason.message
    assert why in reason.message


def test_bad_address_in_a_context_names_the_context(config: Path, tmp_path: Path) -> None:
    """An address that a context holds is judged as DOCKER_HOST is."""
    make_context(config, "odd", {"Name": "odd", "Endpoints": {"docker": {"Host": "foo://x"}}})

    reason = refused({"DOCKER_CONTEXT": "odd"}, tmp_path)

    assert reason.code is Code.BAD_DOCKER_HOST
    assert "context 'odd'" in reason.message


def test_context_brings_its_own_certificates(config: Path, tmp_path: Path) -> None:
    """TLS files beside a context turn TLS on, and are verified unless it says otherwise."""
    endpoint = {"Host": "tcp://h:1"}
    for name, skip in (("strict", False), ("lax", True)):
        meta = {"Name": name, "Endpoints": {"docker": {**endpoint, "SkipTLSVerify": skip}}}
        folder = make_context(config, name, meta, tls=("ca.pem", "cert.pem", "key.pem"))
        tls = the_one({"DOCKER_CONTEXT": name}, tmp_path).tls
        assert tls
        assert (tls.ca, tls.cert, tls.key) == (folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
        assert tls.verify is not skip


def test_unreadable_certificates_of_a_context_are_refused(config: Path, tmp_path: Path) -> None:
    """Certificates that are there and cannot be looked at are not taken for a context without TLS."""
    folder = make_context(config, "far", {"Name": "far", "Endpoints": {"docker": {"Host": "tcp://h:1"}}})
    folder.parent.parent.mkdir()
    folder.parent.symlink_to(folder.parent)

    reason = refused({"DOCKER_CONTEXT": "far"}, tmp_path)

    assert reason.code is Code.CONTEXT_MISSING
    assert "TLS files of 'far': it cannot be read" in reason.message


def test_context_over_tcp_without_certificates_is_plain(config: Path, tmp_path: Path) -> None:
    """The environment's TLS settings do not concern a context."""
    make_context(config, "plain", {"Name": "plain", "Endpoints": {"docker": {"Host": "tcp://h:1"}}})

    assert the_one({"DOCKER_CONTEXT": "plain", "DOCKER_TLS_VERIFY": "1"}, tmp_path).tls is None


def test_tls_is_verified_with_the_certificates_of_docker_cert_path(certificates: Path, tmp_path: Path) -> None:
    """DOCKER_TLS_VERIFY with DOCKER_CERT_PATH gives the three files; any text counts as yes."""
    env = {"DOCKER_HOST": "tcp://h:1", "DOCKER_TLS_VERIFY": "0", "DOCKER_CERT_PATH": str(certificates)}

    tls = the_one(env, tmp_path).tls

    assert tls
    assert tls.verify
    assert tls.ca == certificates / "ca.pem"


def test_docker_tls_alone_does_not_verify(certificates: Path, tmp_path: Path) -> None:
    """DOCKER_TLS turns TLS on without verification."""
    env = {"DOCKER_HOST": "tcp://h:1", "DOCKER_TLS": "1", "DOCKER_CERT_PATH": str(certificates)}

    tls = the_one(env, tmp_path).tls

    assert tls
    assert not tls.verify


def test_cert_path_alone_does_not_turn_tls_on(certificates: Path, tmp_path: Path) -> None:
    """DOCKER_CERT_PATH says where the files are, not that they are used."""
    env = {"DOCKER_HOST": "tcp://h:1", "DOCKER_CERT_PATH": str(certificates), "DOCKER_TLS_VERIFY": ""}

    assert the_one(env, tmp_path).tls is None


def test_tls_without_a_host_means_the_tls_port_here(certificates: Path, tmp_path: Path) -> None:
    """DOCKER_TLS_VERIFY without DOCKER_HOST is tcp://localhost:2376, as in the CLI."""
    env = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(certificates)}

    candidate = the_one(env, tmp_path)

    assert (candidate.source, candidate.host) == ("DOCKER_TLS_VERIFY", "tcp://localhost:2376")


@pytest.mark.parametrize("missing", ["ca.pem", "cert.pem", "key.pem"])
def test_missing_certificate_is_named(missing: str, certificates: Path, tmp_path: Path) -> None:
    """Each missing file is refused by its name and folder."""
    (certificates / missing).unlink()
    env = {"DOCKER_HOST": "tcp://h:1", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(certificates)}

    reason = refused(env, tmp_path)

    assert reason.code is Code.TLS_MISCONFIGURED
    assert f"{missing} missing in {certificates}" in reason.message


def test_certificates_are_looked_up_in_the_configuration_folder(tmp_path: Path) -> None:
    """Without DOCKER_CERT_PATH the files are expected beside config.json."""
    reason = refused({"DOCKER_HOST": "tcp://h:1", "DOCKER_TLS_VERIFY": "1"}, tmp_path)

    assert f"ca.pem, cert.pem, key.pem missing in {tmp_path / '.docker'}" in reason.message


@pytest.mark.parametrize("host", ["unix:///run/x.sock", "ssh://h"])
def test_socket_and_ssh_need_no_tls(host: str, tmp_path: Path) -> None:
    """TLS settings are left aside where there is no TLS, so missing files do not matter."""
    assert the_one({"DOCKER_HOST": host, "DOCKER_TLS_VERIFY": "1"}, tmp_path).tls is None


def test_usual_sockets_are_tried_in_order(tmp_path: Path) -> None:
    """When nothing is chosen, the default socket comes first and the others follow, each once."""
    user = os.getuid()
    env = {"XDG_RUNTIME_DIR": str(tmp_path / "run"), "COLIMA_HOME": str(tmp_path / "colima")}

    found = candidates(env, tmp_path)

    paths = [candidate.path for candidate in found]
    assert paths == [
        "/var/run/docker.sock",
        f"{tmp_path}/run/docker.sock",
        f"/run/user/{user}/docker.sock",
        f"{tmp_path}/.docker/run/docker.sock",
        f"{tmp_path}/.docker/desktop/docker.sock",
        f"{tmp_path}/colima/default/docker.sock",
        f"{tmp_path}/.colima/default/docker.sock",
        f"{tmp_path}/.orbstack/run/docker.sock",
        f"{tmp_path}/.rd/docker.sock",
        f"{tmp_path}/run/podman/podman.sock",
        f"/run/user/{user}/podman/podman.sock",
        "/run/podman/podman.sock",
        f"{tmp_path}/.local/share/containers/podman/machine/podman.sock",
    ]
    assert found[0].source == "the default socket"
    assert {candidate.tls for candidate in found} == {None}


def test_runtime_folder_of_the_user_is_tried_once(tmp_path: Path) -> None:
    """XDG_RUNTIME_DIR usually is /run/user/UID; the sockets there are listed once."""
    found = candidates({"XDG_RUNTIME_DIR": f"/run/user/{os.getuid()}"}, tmp_path)

    hosts = [candidate.host for candidate in found]
    assert len(hosts) == len(set(hosts))
    assert hosts == [candidate.host for candidate in candidates({}, tmp_path)]


def test_blank_docker_host_ignores_contexts(config: Path, tmp_path: Path) -> None:
    """A DOCKER_HOST of spaces means the default address, and still overrides the contexts, as in the CLI."""
    use_context(config, "gone")

    assert candidates({"DOCKER_HOST": " "}, tmp_path)[0].source == "the default socket"


def test_home_that_may_not_be_entered_chooses_nothing(tmp_path: Path) -> None:
    """A home folder that is no folder hides config.json, which is then as good as absent."""
    file = tmp_path / "file"
    file.touch()

    assert candidates({}, file)[0].source == "the default socket"
