"""The executor's command line: a plan, or one of the commands by which servers prepare packages on an agent."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from octavo.executor.journal import journal_of
from octavo.executor.package_files import apply_package_delta, find_package
from octavo.executor.retention import Keep, clean, remove_unfinished
from octavo.executor.run import run, run_plan_file
from octavo.executor.run_script import plan_of_variables

COMMANDS = ("run-script", "find-package", "apply-delta", "clean")


def main(arguments: Sequence[str]) -> int:
    """Carry out what the command line says; the exit code."""
    if arguments and arguments[0] not in (*COMMANDS, "-h", "--help"):
        return run_plan_file(Path(arguments[0]))
    given = _parser().parse_args(arguments)
    files = Path(os.environ.get("TentacleHome") or ".") / "Files"  # noqa: SIM112 - the agent spells it so
    if given.command == "run-script":
        return run(lambda: plan_of_variables(given.variables, given.variablesPassword, os.environ))
    if given.command == "find-package":
        return find_package(
            files,
            given.packageId,
            given.packageVersion,
            given.packageHash,
            exact_only=given.exactMatch.lower() == "true",
        )
    if given.command == "clean":
        remove_unfinished(files)
        clean(journal_of({}), given.retentionPolicySet, Keep(given.days, given.releases))
        return 0
    return apply_package_delta(
        files, Path(given.basisFileName), given.fileHash, Path(given.deltaFileName), given.newFileName
    )


class _Parser(argparse.ArgumentParser):
    """Ends with 1 where Python would end with 2, as this kind of program does."""

    def error(self, message: str) -> NoReturn:
        self.exit(1, f"{self.format_usage()}{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="octavo-executor",
        description="Carries out a server's work on a machine. Without a command: the plan in the file PLAN.",
        epilog="Example: octavo-executor find-package --packageId Acme --packageVersion 1.2.3 --packageHash 3f5a…",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="PLAN | COMMAND")
    script = commands.add_parser("run-script", help="run the script that files of variables describe")
    script.add_argument("--variables", type=Path, action="append", required=True, help="a file; may be repeated")
    script.add_argument("--variablesPassword", default="", help="what the files are encrypted with")
    find = commands.add_parser("find-package", help="say whether a package is in the agent's Files folder")
    for name, what in (("packageId", "its id"), ("packageVersion", "its version"), ("packageHash", "its SHA-1")):
        find.add_argument(f"--{name}", required=True, help=what)
    find.add_argument("--packageVersionFormat", choices=["Semver"], default="Semver", help="how versions are ordered")
    find.add_argument("--exactMatch", default="False", help="True: name no older versions")
    apply = commands.add_parser("apply-delta", help="make a package from an older one and an Octodiff delta")
    options = {
        "basisFileName": "the older package",
        "fileHash": "its SHA-1",
        "deltaFileName": "the delta",
        "newFileName": "the new package's file name, in the agent's Files folder",
    }
    for name, what in options.items():
        apply.add_argument(f"--{name}", required=True, help=what)
    clean_up = commands.add_parser("clean", help="remove deployments that need not be kept")
    clean_up.add_argument("--retentionPolicySet", required=True, help="the name under which they follow each other")
    amount = clean_up.add_mutually_exclusive_group(required=True)
    amount.add_argument("--days", type=int, help="keep those that are younger")
    amount.add_argument("--releases", type=int, help="keep so many successful ones beside the latest")
    return parser
