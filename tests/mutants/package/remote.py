"""Faults of the rule on other machines: what writes, a password or a token gets there by itself."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

_RULE = "test_framework/reach/__init__.py"
_LIBPQ = "test_framework/reach/libpq.py"
_URLS = "test_framework/reach/urls.py"
_DEPLOYMENT = "test_framework/e2e/deployment.py"
_REACH = ("tests/unit/test_reach.py",)
_CREDENTIALS = ("tests/system/test_credentials.py",)
_FAR = "tests/system/test_remote_writes.py"
_ADDRESSED = ("tests/unit/test_e2e_deployment.py",)

MUTANTS = (
    Mutant(
        "a test writes to an explicit server on another machine",
        "test_framework/plugin/lease.py",
        "        if reason and not markers.is_safe(item):\n",
        "        if reason and endpoint.provider == 'staging' and not markers.is_safe(item):\n",
        (f"{_FAR}::test_a_server_that_may_be_asked_is_not_written_to",),
    ),
    Mutant(
        "an explicit server on another machine counts as one of this machine",
        _RULE,
        'if endpoint.provider != "staging" and not endpoint.remote:',
        'if endpoint.provider != "staging":',
        _REACH,
    ),
    Mutant(
        "a stand-in of staging on this machine is written to",
        _RULE,
        'if endpoint.provider != "staging" and not endpoint.remote:',
        "if not endpoint.remote:",
        _REACH,
    ),
    Mutant(
        "databases are made on another machine before a test says that it is safe",
        "test_framework/supervisor/core.py",
        "            and not why_not_write(server.endpoint)\n",
        "",
        (f"{_FAR}::test_a_server_that_may_be_asked_is_not_written_to",),
    ),
    Mutant(
        "exec hands a command a server on another machine",
        _RULE,
        "    if reason := why_not_write(endpoint):\n        raise Refused(reason)",
        "    if (reason := why_not_write(endpoint)) and False:\n        raise Refused(reason)",
        ("tests/unit/test_exec.py",),
    ),
    Mutant(
        "the name server is asked for a host that is only to be allowed",
        _RULE,
        "    if allowing and not look_up_allowed:\n",
        "    if allowing and look_up_allowed is None:\n",
        _REACH,
    ),
    Mutant(
        "a host that ends like an allowed one is allowed",
        _RULE,
        "fnmatchcase(name, _folded(pattern))",
        'fnmatchcase(name, "*" + _folded(pattern))',
        _REACH,
    ),
    Mutant("an allowed host in capitals is refused", _RULE, "return name.lower().rstrip", "return name.rstrip", _REACH),
    Mutant(
        "a name below localhost is taken for this machine whatever DNS says",
        _RULE,
        "if found and all(map(_is_here, found)) and",
        "if found and (ours or all(map(_is_here, found))) and",
        _REACH,
    ),
    Mutant(
        "one address of this machine is enough for a name",
        _RULE,
        "if found and all(map(_is_here, found)) and",
        "if found and any(map(_is_here, found)) and",
        _REACH,
    ),
    Mutant(
        "a web server's name is trusted to lead to this machine for ever",
        _RULE,
        "and (ours or not address.named):",
        "and True:",
        _REACH,
    ),
    Mutant(
        "the address of a host that is not allowed is asked for",
        _RULE,
        "    elif allowing or ours:\n",
        "    else:\n",
        _REACH,
    ),
    Mutant(
        "an address of another machine hides in one of IPv6",
        _RULE,
        "return (mapped or at).is_loopback",
        "return bool(mapped) or at.is_loopback",
        _REACH,
    ),
    Mutant(
        "a client looks a name up once more",
        _RULE,
        "return Reached(address.at(_first_listening(found[address.hosts[-1]], address.port), address.port))",
        'return Reached(address.at("", address.port))',
        _REACH,
    ),
    Mutant(
        "the host in a query is not looked at",
        _URLS,
        "hosts = tuple(each for each in (host, *more) if each)",
        "hosts = tuple(each for each in (host,) if each)",
        _REACH,
    ),
    Mutant(
        "libpq goes to an address that was not looked at",
        _LIBPQ,
        'hosts = tuple(filter(None, ("" if _is_path(server.host) else server.host, server.address)))',
        'hosts = tuple(filter(None, ("" if _is_path(server.host) else server.host,)))',
        _REACH,
    ),
    Mutant(
        "a service file says which server it is",
        _LIBPQ,
        'for key in ("service", "servicefile"):',
        'for key in ("servicefile",):',
        _REACH,
    ),
    Mutant(
        "a URL of Postgres is read otherwise than libpq reads it",
        _LIBPQ,
        '    if "@" in f"{parts.path}{parts.query}":\n',
        '    if "@" in parts.path:\n',
        _REACH,
    ),
    Mutant(
        "PGHOST and its like say where a URL leads that names no host",
        _LIBPQ,
        'query.pop("host", "") or host or _SOCKETS,',
        'query.pop("host", "") or host or env.get("PGHOST") or _SOCKETS,',
        (f"{_FAR}::test_what_libpq_is_told_leads_nowhere_else",),
    ),
    Mutant(
        "PGSERVICE leads a test's own connection elsewhere",
        _LIBPQ,
        '    "PGSERVICE",\n    "PGSERVICEFILE",\n',
        '    "PGSERVICEFILE",\n',
        _REACH,
    ),
    Mutant("PGOPTIONS fails a test's own connection", _LIBPQ, 'or name == "PGOPTIONS" or', "or", _REACH),
    Mutant(
        "what was in the environment is not put back",
        _LIBPQ,
        "            os.environ.setdefault(name, value)",
        "            pass",
        _REACH,
    ),
    Mutant(
        "the certificate of another machine is no longer verified as demanded",
        _LIBPQ,
        "query = {**self.security, **query}",
        "query = {**query}",
        _REACH,
    ),
    Mutant(
        "the fixtures' URLs are led elsewhere by the variables of libpq",
        "test_framework/plugin/lease.py",
        "        if is_postgres_url(endpoint.url):\n            self.ignore_libpq_variables()\n",
        "",
        (f"{_FAR}::test_a_tier_that_does_not_name_postgres",),
    ),
    Mutant(
        "a password is posted to a host that is not allowed",
        _DEPLOYMENT,
        "            if url:\n                _check_allowed(url, variable, trusted)",
        "            if url and False:\n                _check_allowed(url, variable, trusted)",
        _ADDRESSED,
    ),
    Mutant(
        "a redirect takes a password along",
        _DEPLOYMENT,
        '            event_hooks={"request": [self._refuse_elsewhere]},\n',
        "",
        _CREDENTIALS,
    ),
    Mutant(
        "a redirect takes a token of the WebSocket along",
        "test_framework/e2e/websocket.py",
        "connect(create_connection=_Connection, **options)",
        "connect(**options)",
        _CREDENTIALS,
    ),
    Mutant(
        "a redirect takes a token of the asynchronous WebSocket along",
        "test_framework/e2e/websocket_async.py",
        "connect(create_connection=_Connection, **options)",
        "connect(**options)",
        _CREDENTIALS,
    ),
    Mutant(
        "validate passes a staging whose login is elsewhere",
        "test_framework/health/staging_variables.py",
        "        elif wrong := _why_not_allowed(env[name], name, allowed_hosts, env):\n            yield wrong\n",
        "",
        ("tests/unit/test_health_validation.py",),
    ),
    Mutant(
        "the steps of staging go to a host that is not allowed",
        "test_framework/staging/steps.py",
        "    check_allowed(address, source, allowed)\n",
        "",
        ("tests/system/test_staging_steps.py",),
    ),
)
