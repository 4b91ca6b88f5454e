"""The fixtures of tests that use the backend as its users do."""

from tests.support.users import deployment, event_schema, recorder, socket, user

__all__ = ["deployment", "event_schema", "recorder", "socket", "user"]
