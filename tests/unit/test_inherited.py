"""What a program that we start is given of the environment."""

from __future__ import annotations

from test_framework.inherited import inherited

NEEDED = {"PATH": "/bin", "HOME": "/home/me", "LANG": "C.UTF-8", "LC_TIME": "C", "TZ": "UTC", "TMPDIR": "/tmp"}  # noqa: S108
SECRET = {
    "STAGING_PASSWORD": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "DATABASE_URL": "postgresql://u:x@h/db",
    "PGPASSWORD": "x",
    "GITHUB_TOKEN": "x",
    "DOCKER_AUTH_CONFIG": "x",
    "HTTPS_PROXY": "http://u:x@h",
}


def test_only_what_programs_need() -> None:
    """A variable that nobody has thought of is none of them."""
    assert inherited({**NEEDED, **SECRET, "ANYTHING": "else"}) == NEEDED


def test_more_by_name_or_pattern() -> None:
    """As a caller asks for them."""
    env = {"DOCKER_HOST": "tcp://h", "SSH_AUTH_SOCK": "/agent", "OTHER": "x"}
    assert inherited(env, "DOCKER_*", "SSH_AUTH_SOCK") == {"DOCKER_HOST": "tcp://h", "SSH_AUTH_SOCK": "/agent"}
