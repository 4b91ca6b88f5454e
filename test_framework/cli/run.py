"""`run`: tiers one after another, each as pytest runs it, and one verdict over them."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from test_framework.cli._parser import completed
from test_framework.config import BadSetting, load, refuse_empty

if TYPE_CHECKING:
    import argparse

    from test_framework.config import Settings
    from test_framework.runner.plan import RunPlan

_DEFAULT_MODE = "fast_feedback"
_REMOTE = "explicit,staging"
_COLLECT = ("--collect-only", "--co")
_RUN_NOTHING = (
    *(*_COLLECT, "--setup-plan", "--setup-only", "--markers", "--fixtures", "--funcargs", "--fixtures-per-test"),
    *("--cache-show", "--help", "-h", "--version", "-V"),
)
"""Options of pytest with which there would be no report, in place of the last one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    option = parser.add_argument
    tier = option("--category", metavar="NAME", action="append", help="tier to run (repeatable)")
    completed(tier, lambda settings: settings.tiers)
    option("--categories", metavar="A,B", help="several tiers, in this order")
    mode = option(
        "--execution-mode",
        metavar="NAME",
        help="fast_feedback (default), development, nightly, or one from your settings",
    )
    completed(mode, lambda settings: settings.modes)
    option("--list-categories", action="store_true", help="list the tiers with their files, services and paths")
    option("--collect-only", action="store_true", help="collect and count the tests, but do not run them")
    option(
        "--pattern", metavar="PATTERN", help="only test files whose path contains or matches this, such as 'test_api*'"
    )
    option("--environment", choices=("local", "staging"), help="local: never use staging; staging: use only staging")
    option("--no-docker", action="store_true", help="do not use Docker")
    option(
        "--real-services", action="store_true", help="fail tests whose service is unavailable instead of skipping them"
    )
    option("--remote-services", action="store_true", help="start no servers: use only explicit URLs and staging")
    option("--concurrent-users", metavar="N", help="number of concurrent users in load tests")
    option("--shard", metavar="I/N", help="run one shard of each tier, such as 3/8; off: ignore the shard that CI sets")
    option("--fast-fail", action="store_true", help="stop at the first failing test")
    option("--no-coverage", action="store_true", help="do not measure coverage")
    option("--collection-timeout", metavar="SECONDS", help="stop a tier if its collection takes longer")
    option("arguments", metavar="ARG", nargs="*", help="arguments for pytest, after --")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Run; returns 0 for green, else the worst exit status of the tiers, or 128 and the signal that ended it."""
    _check(args, settings)
    from test_framework.runner import console
    from test_framework.runner.arguments import Arguments, of_environment
    from test_framework.runner.plan import is_all, of_named

    if args.list_categories:
        print("\n".join(console.categories(settings)))
        return 0
    arguments = Arguments.of(args.arguments, settings.root)
    plan = of_named(settings, _plan(args, settings), arguments.named)
    selecting = arguments.leave_out or Arguments.of(of_environment(os.environ), settings.root).leave_out
    from test_framework.exec.child import SIGNALLED
    from test_framework.runner import coverage, tier_runner

    measured = None
    if not args.no_coverage and not args.collect_only:
        if coverage.there():
            measured = coverage.Coverage(settings)
        else:
            _say(coverage.MISSING)
    request = tier_runner.RunOptions(
        options=(*arguments.options, *_options(args)),
        named=plan.named,
        fast_fail=args.fast_fail,
        collect_only=args.collect_only,
        selecting=selecting,
        whole=measured is not None and not args.pattern and not selecting and is_all(settings, plan),
    )
    try:
        result = tier_runner.run(plan, request, settings, measured, _say)
    except KeyboardInterrupt:  # between two tiers: while one runs, it is the one that ends
        return SIGNALLED + signal.SIGINT
    print("\n".join(console.verdict(result, plan.absent)), flush=True)
    return result.status


def _say(text: str) -> None:
    print(text, flush=True)


def _check(args: argparse.Namespace, settings: Settings) -> None:
    """Refuse what contradicts itself, and what pytest would refuse in each tier."""
    from test_framework.runner.arguments import loose, of_environment

    refuse_empty(args, ("execution_mode", "pattern", "shard", "concurrent_users", "collection_timeout"))
    if args.execution_mode and (args.category or args.categories):
        raise BadSetting("--execution-mode has its own categories: give it, or --category, and not both.")
    for at in loose(args.arguments):
        word = args.arguments[at]
        if word in settings.tiers and not (settings.root / word).exists():
            raise BadSetting(f"{word!r} is a category: --category {word}. What follows -- is for pytest.")
    for word in (*args.arguments, *of_environment(os.environ)):
        if word in _RUN_NOTHING:
            instead = "Count tests by run --collect-only" if word in _COLLECT else f"Ask pytest itself: pytest {word}"
            raise BadSetting(f"{word} among the arguments for pytest lets it run no test. {instead}.")
    overrides: dict[str, tuple[object, str]] = {}
    for key, option, text in (
        ("levels.concurrent_users", "--concurrent-users", args.concurrent_users),
        ("collection_timeout", "--collection-timeout", args.collection_timeout),
    ):
        if text is not None:
            overrides[key] = (text, option)
    load(settings.root, os.environ, overrides)
    if args.shard:
        from test_framework.plugin.shards import OFF, parsed

        if args.shard != OFF:
            parsed(args.shard, "--shard")


def _plan(args: argparse.Namespace, settings: Settings) -> RunPlan:
    from test_framework.runner.plan import of_categories, of_mode

    names = [*(args.category or ()), *(part.strip() for part in (args.categories or "").split(","))]
    named = [name for name in names if name]
    if args.category is not None or args.categories is not None:
        if not named:
            raise BadSetting.unknown("category", "", "--categories", settings.tiers)
        return of_categories(settings, named, args.pattern)
    return of_mode(settings, args.execution_mode or _DEFAULT_MODE, args.pattern)


def _options(args: argparse.Namespace) -> list[str]:
    """Return the options of pytest."""
    valued = {
        "--pattern": args.pattern,
        "--environment": args.environment,
        "--concurrent-users": args.concurrent_users,
        "--shard": args.shard,
        "--collection-timeout": args.collection_timeout,
        # Staging alone is remote already.
        "--providers": _REMOTE if args.remote_services and args.environment != "staging" else None,
    }
    flags = {
        "--no-docker": args.no_docker,
        "--use-real-services": args.real_services,
        "--exitfirst": args.fast_fail,
    }
    found = [f"{name}={value}" for name, value in valued.items() if value is not None]
    return [*found, *(name for name, on in flags.items() if on)]
