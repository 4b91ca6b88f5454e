"""What docs/how-to/scale.md tells CI to do: its files are valid, and its commands make one green verdict of all."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "scale.md"
KUBERNETES = "1.33"
"""The first version in which everything that the manifest uses is stable."""
TESTS = 24
RUN_SECONDS = 100


def documents() -> list[Any]:
    """Return what the YAML blocks of the page hold."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    return [document for block in blocks for document in yaml.safe_load_all(block)]


def kubernetes() -> dict[tuple[str, str], Any]:
    """Return the manifests by kind and name."""
    found = [document for document in documents() if "apiVersion" in document]
    return {(document["kind"], document["metadata"]["name"]): document for document in found}


class Machines:
    """Machines with a checkout each of a project with one tier, on which commands run at the same time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shared = folder / "shards"
        project = self.checkout(0)
        tests = project / "tests" / "integration"
        tests.mkdir(parents=True)
        settings = "[tool.test_framework.tiers.integration]\nservices = []\n"
        (project / "pyproject.toml").write_text(settings, encoding="utf-8")
        code = f"import pytest\n@pytest.mark.parametrize('n', range({TESTS}))\ndef test_it(n): pass\n"
        (tests / "test_it.py").write_text(code, encoding="utf-8")

    def checkout(self, number: int) -> Path:
        """Return the folder of a machine; 0 is the one that merges."""
        return self.folder / f"machine-{number}"

    def run(self, command: str, env: Mapping[str, str] | None = None, number: int = 0) -> None:
        """Run a command of the page in a shell on a machine; it ends well."""
        if number:
            shutil.copytree(self.checkout(0), self.checkout(number))
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("TEST_FRAMEWORK_", "GITHUB_", "PYTEST_"))}
        # The interpreter of the tests has everything that the page installs.
        kept |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}", "CI": "true"}
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.checkout(number),
            env=kept | dict(env or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def run_all(self, command: str, envs: Iterable[Mapping[str, str]]) -> None:
        """Run a command on as many machines as there are environments."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda at: self.run(command, at[1], at[0]), enumerate(envs, 1)))

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
    mounted = str(machines.shared)
    command = container["args"][0].replace(volume["mountPath"], mounted)
    machines.run_all(command, ({**env, "JOB_COMPLETION_INDEX": str(n)} for n in range(job["completions"])))
    (container,) = kubernetes()["Job", "integration-verdict"]["spec"]["template"]["spec"]["containers"]
    # A pod that is lost may be made anew.
    for _ in range(2):
        machines.run(container["args"][0].replace(volume["mountPath"], mounted))
        machines.judged(machines.shared / "integration.json", job["completions"])


def test_the_jobs_of_the_matrix_are_the_tier(machines: Machines) -> None:
    """Of GitHub, which lays the artifacts of all into one folder."""
    (workflow,) = (document for document in documents() if "jobs" in document)
    shard, verdict = workflow["jobs"]["shard"], workflow["jobs"]["verdict"]
    parts = shard["strategy"]["matrix"]["shard"]
    (command,) = scripts(shard["steps"])
    said = [shard["env"]["TEST_FRAMEWORK_SHARD"].replace("${{ matrix.shard }}", str(part)) for part in parts]
    machines.run_all(command, ({"TEST_FRAMEWORK_SHARD": text} for text in said))
    for number, part in enumerate(parts, 1):
        shutil.copytree(machines.checkout(number) / "reports", machines.checkout(0) / "shards" / f"shard-{part}")
    (command,) = scripts(verdict["steps"])
    machines.run(command)
    machines.judged(machines.checkout(0) / "reports" / "integration.json", len(parts))


def test_the_parallel_jobs_are_the_tier(machines: Machines) -> None:
    """Of GitLab, which gives each job its name and number, and lays their artifacts over each other."""
    (jobs,) = (document for document in documents() if "verdict" in document)
    job = jobs["integration"]
    (command,) = scripts(job["script"])
    parts = job["parallel"]
    machines.run_all(
        command,
        (
            {
                "GITLAB_CI": "true",
                "CI_JOB_NAME": f"integration {index}/{parts}",
                "CI_NODE_INDEX": str(index),
                "CI_NODE_TOTAL": str(parts),
                "TEST_FRAMEWORK_REPORTS": job["variables"]["TEST_FRAMEWORK_REPORTS"].replace(
                    "$CI_NODE_INDEX", str(index)
                ),
            }
            for index in range(1, parts + 1)
        ),
    )
    (folder,) = job["artifacts"]["paths"]
    for number in range(1, parts + 1):
        shutil.copytree(machines.checkout(number) / folder, machines.checkout(0) / folder, dirs_exist_ok=True)
    (command,) = scripts(jobs["verdict"]["script"])
    machines.run(command)
    machines.judged(machines.checkout(0) / "reports" / "integration.json", parts)
