"""What docs/how-to/scale.md tells CI to do: its files are valid, its commands make one green verdict of all parts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "scale.md"
KUBERNETES = "1.33"
"""The first version in which everything that the manifest uses is stable."""
TESTS = 24
RUN_SECONDS = 60


def documents() -> list[Any]:
    """Return what the YAML blocks of the page hold."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    return [document for block in blocks for document in yaml.safe_load_all(block)]


def kubernetes() -> dict[tuple[str, str], Any]:
    """Return the manifests by kind and name."""
    found = [document for document in documents() if "apiVersion" in document]
    return {(document["kind"], document["metadata"]["name"]): document for document in found}


class Machines:
    """A project with a tier, and machines on which commands run: all that they share is the folder of reports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reports = folder / "shards"
        settings = "[tool.test_framework.tiers.integration]\nservices = []\n"
        (folder / "pyproject.toml").write_text(settings, encoding="utf-8")
        tests = folder / "tests" / "integration"
        tests.mkdir(parents=True)
        code = f"import pytest\n@pytest.mark.parametrize('n', range({TESTS}))\ndef test_it(n): pass\n"
        (tests / "test_it.py").write_text(code, encoding="utf-8")

    def run(self, command: str, **env: str) -> None:
        """Run a command of the page in a shell, as on a machine of its own."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("TEST_FRAMEWORK_", "GITHUB_", "PYTEST_"))}
        # The interpreter of the tests has everything that the page installs.
        kept |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}", "CI": "true"}
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.folder,
            env=kept | env,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def judged(self, path: Path, parts: int) -> None:
        """Assert that the merged report is green and holds each test once."""
        report = json.loads(path.read_text(encoding="utf-8"))
        assert report["gate"] == {"strict": True, "verdict": "green", "why": None}
        assert len({test["nodeid"] for test in report["tests"]}) == len(report["tests"]) == TESTS
        assert [part["counts"]["passed"] for part in report["shards"]] == [TESTS // parts] * parts


@pytest.fixture
def machines(tmp_path: Path) -> Machines:
    """Return machines with a project."""
    return Machines(tmp_path)


def scripts(steps: list[Any]) -> Iterator[str]:
    """Yield the commands of a job that install nothing."""
    for step in steps:
        command = step if isinstance(step, str) else step.get("run", "")
        if command and "pip install" not in command:
            yield command


def test_the_manifests_are_those_of_kubernetes() -> None:
    """Checked against the schemas of its API, in which no key may be that they do not know."""
    import kubernetes_validate

    manifests = kubernetes()
    assert {kind for kind, _ in manifests} == {"Job", "PersistentVolumeClaim"}
    for manifest in manifests.values():
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_the_pods_of_the_job_are_the_tier(machines: Machines) -> None:
    """Each with its index, as Kubernetes sets it; then the second Job."""
    job = kubernetes()["Job", "integration"]["spec"]
    assert job["completionMode"] == "Indexed"
    (container,) = job["template"]["spec"]["containers"]
    env = {variable["name"]: variable["value"] for variable in container["env"]}
    assert env["TEST_FRAMEWORK_SHARDS"] == str(job["completions"])
    (volume,) = container["volumeMounts"]
    for index in range(job["completions"]):
        command = container["args"][0].replace(volume["mountPath"], str(machines.reports))
        machines.run(command, **env, JOB_COMPLETION_INDEX=str(index))
    (container,) = kubernetes()["Job", "integration-verdict"]["spec"]["template"]["spec"]["containers"]
    machines.run(container["args"][0].replace(volume["mountPath"], str(machines.reports)))
    machines.judged(machines.reports / "integration.json", job["completions"])


def test_the_jobs_of_the_matrix_are_the_tier(machines: Machines) -> None:
    """Of GitHub, whose artifacts are here the folders themselves."""
    (workflow,) = (document for document in documents() if "jobs" in document)
    shard, verdict = workflow["jobs"]["shard"], workflow["jobs"]["verdict"]
    parts = shard["strategy"]["matrix"]["shard"]
    (command,) = scripts(shard["steps"])
    for part in parts:
        said = shard["env"]["TEST_FRAMEWORK_SHARD"].replace("${{ matrix.shard }}", str(part))
        machines.run(command, TEST_FRAMEWORK_SHARD=said)
        (machines.folder / "reports").rename(machines.folder / f"shard-{part}")
    machines.reports.mkdir()
    for part in parts:
        (machines.folder / f"shard-{part}").rename(machines.reports / f"shard-{part}")
    (command,) = scripts(verdict["steps"])
    machines.run(command)
    machines.judged(machines.folder / "reports" / "integration.json", len(parts))


def test_the_parallel_jobs_are_the_tier(machines: Machines) -> None:
    """Of GitLab, which names them as it does."""
    (jobs,) = (document for document in documents() if "verdict" in document)
    job = jobs["integration"]
    (command,) = scripts(job["script"])
    for index in range(1, job["parallel"] + 1):
        reports = job["variables"]["TEST_FRAMEWORK_REPORTS"].replace("$CI_NODE_INDEX", str(index))
        machines.run(
            command,
            GITLAB_CI="true",
            CI_JOB_NAME=f"integration {index}/{job['parallel']}",
            CI_NODE_INDEX=str(index),
            CI_NODE_TOTAL=str(job["parallel"]),
            TEST_FRAMEWORK_REPORTS=reports,
        )
    (command,) = scripts(jobs["verdict"]["script"])
    machines.run(command)
    machines.judged(machines.folder / "reports" / "integration.json", job["parallel"])
