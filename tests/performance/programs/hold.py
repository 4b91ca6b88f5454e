"""Hold services of the project in this folder: print their URLs as JSON, and wait for the end of the input."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path
from uuid import uuid4

from test_framework.config import load
from test_framework.supervisor.client import connect
from test_framework.supervisor.wire import ServiceRequest


def main(services: list[str]) -> int:
    """Resolve them, and hold them."""
    settings = load(Path.cwd())
    with closing(connect(settings, {}, uuid4().hex, lambda _: None)) as client:
        found = {}
        for service in services:
            resolution = client.resolve(ServiceRequest.of(service, settings, None))
            if resolution.endpoint is None:
                print(resolution.reason, file=sys.stderr)
                return 1
            found[service] = {"url": resolution.endpoint.url, "version": resolution.endpoint.version}
        print(json.dumps(found), flush=True)
        sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
