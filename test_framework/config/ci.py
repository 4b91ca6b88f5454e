"""Whether this is a CI system: asked by the gate, and by what decides how long servers stay warm."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SWITCH = "CI"
"""What nearly all set; where it says anything, it decides, so that `CI=false` switches off what the others say."""

OTHERS = (
    "APPCENTER_BUILD_ID",
    "APPVEYOR",
    "BITBUCKET_BUILD_NUMBER",
    "BITRISE_IO",
    "BUDDY",
    "BUILDKITE",
    "BUILD_NUMBER",
    "CIRCLECI",
    "CIRRUS_CI",
    "CODEBUILD_BUILD_ID",
    "CONTINUOUS_INTEGRATION",
    "DRONE",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "GO_PIPELINE_NAME",
    "HARNESS_BUILD_ID",
    "HUDSON_URL",
    "JENKINS_URL",
    "SEMAPHORE",
    "TEAMCITY_VERSION",
    "TF_BUILD",
    "TRAVIS",
    "WOODPECKER",
)
"""What systems set beside it, or in its place, such as Jenkins, TeamCity and Azure Pipelines."""

_NO = ("", "0", "false", "no", "off")


def in_ci(env: Mapping[str, str]) -> bool:
    """Whether this is a CI system."""
    return bool(ci_variable(env))


def ci_variable(env: Mapping[str, str]) -> str:
    """Return the variable that says that this is a CI system; empty if none does."""
    if env.get(SWITCH, ""):
        return SWITCH if _says_yes(env, SWITCH) else ""
    return next((name for name in OTHERS if _says_yes(env, name)), "")


def _says_yes(env: Mapping[str, str], name: str) -> bool:
    return env.get(name, "").strip().lower() not in _NO
