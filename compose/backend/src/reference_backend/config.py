"""Settings: from the environment, checked at start, shown without secrets.

Every setting is `BACKEND_` and its name in capitals, but for the three URLs, which everybody calls the same.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

__all__ = ["DEVELOPMENT_KEY", "BadConfiguration", "Settings", "load", "without_secrets"]

DEVELOPMENT_KEY = "for development only: everybody can read this key"
_SHORTEST_KEY = 32

Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class BadConfiguration(Exception):
    """The settings do not fit; the text names each variable and never its value."""


class Settings(BaseSettings):
    """All settings; the descriptions are those of the table in the README."""

    model_config = SettingsConfigDict(
        env_prefix="BACKEND_",
        # Compose files hand down variables that are not set as empty ones.
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    environment: Literal["development", "staging", "production"] = Field(
        "production", description="only development has a default key and the identity provider switched on"
    )
    secret_key: SecretStr = Field(SecretStr(""), description="key of the access tokens, 32 characters at least")
    database_url: SecretStr = Field(validation_alias="DATABASE_URL", description="Postgres, 13 or later")
    redis_url: SecretStr = Field(validation_alias="REDIS_URL", description="Redis, 6.2 or later")
    clickhouse_url: SecretStr | None = Field(
        None, validation_alias="CLICKHOUSE_URL", description="ClickHouse over HTTP, with the database as path"
    )
    redis_prefix: str = Field("backend:", description="first part of every key in Redis")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="least level that is logged")
    migrate_on_start: bool = Field(default=True, description="bring the database to the newest schema at start")
    shutdown_seconds: Seconds = Field(10, description="bound on the way from SIGTERM to the end")

    issuer: str = Field("reference-backend", description="`iss` of access tokens")
    audience: str = Field("reference-backend", description="`aud` of access tokens")
    access_token_seconds: Count = Field(900, description="lifetime of an access token")
    refresh_token_seconds: Count = Field(14 * 86400, description="a session ends when it was not refreshed for so long")
    session_max_seconds: Count = Field(30 * 86400, description="a session ends after so long in any case")
    login_failures_per_minute: Count = Field(10, description="wrong passwords per account before 429")
    argon2_memory_kib: int = Field(19456, ge=8192, description="memory of one password hash")
    argon2_iterations: int = Field(2, ge=1, description="iterations of one password hash")

    identity_provider: bool | None = Field(
        None, description="the development identity provider; by default on in development only, refused in production"
    )
    oauth_clients: dict[str, list[str]] = Field(
        {"reference-web": ["http://127.0.0.1:3000/callback", "http://localhost:3000/callback"]},
        description="clients and their exact redirect URIs, as JSON",
    )
    oauth_code_seconds: Count = Field(60, description="lifetime of an authorization code")

    http_head_seconds: Seconds = Field(10, description="time for the head of a request")
    http_max_body_bytes: Count = Field(65536, description="largest request body")
    page_size_max: Count = Field(100, description="most items of one page")
    text_max_characters: Count = Field(8000, description="longest text of a message")

    ws_auth_seconds: Seconds = Field(5, description="time for a connection to bring its token")
    ws_ping_seconds: Seconds = Field(20, description="time between two `ping` messages")
    ws_idle_seconds: Seconds = Field(60, description="a connection that says nothing for so long is closed")
    ws_send_seconds: Seconds = Field(10, description="a client that does not read for so long is cut off")
    ws_resume_window_seconds: Annotated[float, Field(ge=0)] = Field(
        0.25, description="time for which events wait for a first `resume`"
    )
    ws_max_message_bytes: Count = Field(65536, description="largest message")
    ws_max_bad_messages: Count = Field(10, description="bad messages in a row before the connection is closed")
    ws_max_connections: Count = Field(2000, description="connections of one process")
    ws_max_unauthenticated: Count = Field(256, description="connections of one process that have no token yet")
    ws_max_connections_per_user: Count = Field(20, description="connections of one user, over all processes")

    events_kept: Count = Field(1000, description="events kept per user, for `resume`")
    events_seconds: Count = Field(86400, description="time for which they are kept after the last one")
    runs_per_user: Count = Field(16, description="runs of one user at once, per process")
    run_lease_seconds: Seconds = Field(15, description="a run whose process is gone is ended after so long")
    tool_timeout_seconds: Seconds = Field(20, description="bound on one call of a tool")
    model_context_characters: Count = Field(6000, description="longest text that the language model takes")

    database_pool_size: Count = Field(10, description="connections to Postgres per process")
    database_timeout_seconds: Seconds = Field(3, description="bound on the wait for a connection, and on a statement")
    redis_pool_size: Count = Field(50, description="connections to Redis per process")
    redis_timeout_seconds: Seconds = Field(2, description="bound on one command")
    health_timeout_seconds: Seconds = Field(1.5, description="bound on one health check")
    health_details: Literal["public", "authenticated"] | None = Field(
        None,
        description="who reads `/health/dependencies` and `/health/config`; in production by default authenticated",
    )
    analytics_queue: Count = Field(10000, description="rows that wait for ClickHouse; more are dropped and counted")
    analytics_flush_seconds: Seconds = Field(1, description="time between two inserts")

    @model_validator(mode="after")
    def _check(self) -> Self:
        key = self.secret_key.get_secret_value()
        if self.environment == "development" and not key:
            # Not `self.secret_key = `: the settings are frozen for everybody else.
            object.__setattr__(self, "secret_key", SecretStr(DEVELOPMENT_KEY))
        elif not key:
            raise ValueError("BACKEND_SECRET_KEY is needed (only BACKEND_ENVIRONMENT=development does without)")
        elif key == DEVELOPMENT_KEY and self.environment != "development":
            raise ValueError("BACKEND_SECRET_KEY is the one for development, which everybody can read")
        elif len(key) < _SHORTEST_KEY:
            raise ValueError(f"BACKEND_SECRET_KEY has less than {_SHORTEST_KEY} characters")
        if self.identity_provider and self.environment == "production":
            raise ValueError("BACKEND_IDENTITY_PROVIDER is for development and staging, never for production")
        if self.ws_idle_seconds <= self.ws_ping_seconds:
            raise ValueError("BACKEND_WS_IDLE_SECONDS must be more than BACKEND_WS_PING_SECONDS")
        return self

    @property
    def identity_provider_on(self) -> bool:
        """Whether the development identity provider answers."""
        return self.environment == "development" if self.identity_provider is None else self.identity_provider

    @property
    def health_details_public(self) -> bool:
        """Whether anybody may read the details of the health."""
        return (self.health_details or ("authenticated" if self.environment == "production" else "public")) == "public"

    def shown(self) -> dict[str, Any]:
        """Return all settings without secrets: URLs without user and password, the key as where it comes from."""
        told: dict[str, Any] = {}
        for name, value in self:
            told[name] = without_secrets(value.get_secret_value()) if isinstance(value, SecretStr) else value
        told["secret_key"] = "development" if self.secret_key.get_secret_value() == DEVELOPMENT_KEY else "set"
        told["identity_provider"] = self.identity_provider_on
        told["health_details"] = "public" if self.health_details_public else "authenticated"
        return told


def without_secrets(url: str) -> str:
    """Return a URL without user, password and query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def load() -> Settings:
    """Return the settings of this environment.

    Raises:
        BadConfiguration: Something is missing or does not fit; all problems at once.
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = [f"{_variable(e['loc'])}{e['msg'].removeprefix('Value error, ')}" for e in error.errors()]
        raise BadConfiguration("\n".join(lines)) from None
    except SettingsError:
        # Of all settings only this one is JSON.
        raise BadConfiguration("BACKEND_OAUTH_CLIENTS: this is no JSON") from None


def _variable(place: tuple[int | str, ...]) -> str:
    if not place:
        return ""
    name = str(place[0])
    return f"{name if name.isupper() else f'BACKEND_{name.upper()}'}: "
