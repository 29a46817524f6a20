"""How a step gets to a worker: as one composed script, or as a plan that the executor carries out there.

* No packages: the script, composed with its variables; bash needs only bash, Python a python3.
* Packages, our agent: a plan with a URL and a token a package; the worker pulls.
* Packages, an official agent: packages and the executor (a zipapp) are uploaded first, once each; the plan names files.

`plan_delivery` is pure; `Delivery.prepare_script` adds tokens, and files for the blobs that must be uploaded.

Source: DESIGN §5, §6 (scripts); script-execution.md §2.11, §5.9; docs/decisions/0071-packages-by-pull-or-upload.md.
"""

import hashlib
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path

from octavo.base.clock import Clock
from octavo.base.errors import Invalid
from octavo.executor.bash import helper_source
from octavo.executor.composing import SYNTAXES, Source, command, compose, interpreter_check
from octavo.executor.package_files import CacheName
from octavo.executor.plan import Deed, PackagePlan, Plan, ScriptPlan, plan_as_json
from octavo.executor.zipapp import build_zipapp
from octavo.server.blobs import BlobStore
from octavo.server.packages.local_copies import LocalCopies
from octavo.server.packages.tokens import FetchGrant, FetchTokens
from octavo.server.store.fetched_packages import FetchedPackage
from octavo.server.store.packages import StoredPackage

PLAN_FILE = "octavo-plan.json"
PYTHON_FILE = "Script.py"
POWERSHELL_FILE = "Bootstrap.ps1"
EXECUTOR_FILE = "octavo-executor.pyz"


class Syntax(StrEnum):
    """The languages a step may be written in."""

    BASH = "Bash"
    PYTHON = "Python"
    POWERSHELL = "PowerShell"


def parse_syntax(text: str) -> Syntax:
    """The syntax of this name, in any case.

    Raises:
        Invalid: we do not run that language.
    """
    for syntax in Syntax:
        if syntax.value.lower() == text.strip().lower():
            return syntax
    raise Invalid(f"Scripts in '{text}' cannot be run. Use one of: {', '.join(Syntax)}.")


@dataclass(frozen=True, slots=True)
class PackageToDeliver:
    """A stored package that a step refers to. `reference` is "" for the step's primary package."""

    reference: str
    package_id: str
    version: str
    extension: str
    size_bytes: int
    sha256: str
    sha1: str
    blob_name: str
    extract: bool = True
    is_staged_only: bool = False  # it need only be on the machine
    bases: tuple["PackageToDeliver", ...] = ()  # other versions that a machine may have, the nearest first


def as_package_to_deliver(
    package: StoredPackage | FetchedPackage, bases: Sequence[PackageToDeliver] = ()
) -> PackageToDeliver:
    """A package of our own feed, or of another one that was fetched, ready to be referred to."""
    return PackageToDeliver(
        "",
        package.package_id,
        package.version,
        package.extension,
        package.size_bytes,
        package.sha256,
        package.sha1,
        package.blob_name,
        bases=tuple(bases),
    )


@dataclass(frozen=True, slots=True)
class ScriptToDeliver:
    """What a step does: its script (`body`, or `file` in its primary package), or a deed with its primary package.

    Values are evaluated already.
    """

    syntax: Syntax
    body: str | None = None
    file: str | None = None
    parameters: str = ""
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    packages: Sequence[PackageToDeliver] = ()
    deed: Deed = Deed.RUN_SCRIPT
    image: str = ""  # the container to run it in

    @property
    def needs_executor(self) -> bool:
        """Whether the script is more than bash with variables, so that the executor must carry it out."""
        return bool(self.packages) or bool(self.image)


@dataclass(frozen=True, slots=True)
class Recipient:
    """The machine that will run it. `executor_command` is what our agent announces; empty for official agents."""

    machine_id: str
    task_id: str
    executor_command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that must be on the machine before the script starts; `remote_path` is relative to the agent's home.

    Upload it when the machine does not have it; compare `sha1` and `size_bytes` with the agent's answer. `package`
    is what it is, unless it is our executor.
    """

    remote_path: str
    source: Path
    size_bytes: int
    sha1: str
    package: PackageToDeliver | None = None


@dataclass(frozen=True, slots=True)
class PreparedScript:
    """What to send: the bash `body`, the `files` of the workspace (name → bytes), and what to upload before it.

    The first upload is the executor, when there are any.
    """

    body: str = field(repr=False)
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    uploads: tuple[Upload, ...] = ()


class Delivery:
    """Prepares scripts for machines. `server_url` is where workers reach this server; `spool` a folder of ours."""

    def __init__(self, blobs: BlobStore, tokens: FetchTokens, clock: Clock, server_url: str, spool: Path) -> None:
        self._copies = LocalCopies(blobs, spool / "packages")
        self._tokens = tokens
        self._clock = clock
        self._server_url = server_url.rstrip("/")
        self._spool = spool

    async def prepare_script(self, script: ScriptToDeliver, recipient: Recipient) -> PreparedScript:
        """What to send to the machine so that it runs this script.

        Raises:
            Invalid: the script cannot be composed; the message says why.
            NotFound: a package's bytes are gone.
        """
        if not script.needs_executor:
            return compose_script(script)
        if recipient.executor_command:
            plan = plan_delivery(script, self._pulled(recipient))
            return _with_executor(recipient.executor_command, plan)
        plan = plan_delivery(script, _uploaded)
        uploads = [await self._upload(package) for package in script.packages]
        zipapp = self._zipapp()
        return replace(_with_zipapp(zipapp, plan), uploads=(zipapp, *uploads))

    def _pulled(self, recipient: Recipient) -> Callable[[PackageToDeliver], PackagePlan]:
        now = self._clock.now()
        return lambda package: _pulled_package(package, recipient, self._server_url, self._tokens, now)

    async def _upload(self, package: PackageToDeliver) -> Upload:
        source = await self._copies.get(package.blob_name, package.sha256)
        return Upload(remote_path(package), source, package.size_bytes, package.sha1, package)

    def _zipapp(self) -> Upload:
        data = _zipapp_bytes()
        path = self._spool / f"octavo-executor-{hashlib.sha256(data).hexdigest()[:16]}.pyz"
        if not path.exists():
            self._spool.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            partial.write_bytes(data)
            partial.rename(path)
        return Upload(f"Files/{path.name}", path, len(data), hashlib.sha1(data, usedforsecurity=False).hexdigest())


def compose_script(script: ScriptToDeliver) -> PreparedScript:
    """A script without packages, with its variables, ready to run.

    Raises:
        Invalid: it has no body, or holds what no script can hold.
    """
    if script.body is None:
        raise Invalid("The step names a script file, but no package that it could be in.")
    syntax = script.syntax.value
    try:
        source = Source(syntax, script.body, f"Script{SYNTAXES[syntax]}", parameters=script.parameters)
        composed = compose(source, script.variables)
    except ValueError as error:
        raise Invalid(str(error)) from error
    beside = {name: text.encode("utf-8") for name, text in composed.beside.items()}
    if script.syntax is Syntax.BASH:
        return PreparedScript(composed.text, beside)
    file = PYTHON_FILE if script.syntax is Syntax.PYTHON else POWERSHELL_FILE
    start = shlex.join(command(syntax, script.variables, file))
    body = f"{helper_source('proxies.sh')}{interpreter_check(syntax)}exec {start}\n"
    return PreparedScript(body, {file: composed.text.encode("utf-8"), **beside})


def plan_delivery(script: ScriptToDeliver, place: Callable[[PackageToDeliver], PackagePlan]) -> Plan:
    """The executor's plan; `place` says where each package comes from."""
    packages = tuple(place(package) for package in script.packages)
    runs = None
    if script.deed is Deed.RUN_SCRIPT:
        runs = ScriptPlan(script.syntax.value, script.body, script.file, script.parameters)
    return Plan(runs, packages, script.variables, script.deed, script.image)


def _pulled_package(
    package: PackageToDeliver, recipient: Recipient, server_url: str, tokens: FetchTokens, now: datetime
) -> PackagePlan:
    token = tokens.issue(FetchGrant(recipient.machine_id, recipient.task_id, package.sha256), now)
    url = f"{server_url}/api/worker-packages/{package.sha256}"
    bases = tuple(dict.fromkeys(base.sha256 for base in package.bases if base.sha256 != package.sha256))
    return replace(_package_plan(package), url=url, token=token, bases=bases)


def _uploaded(package: PackageToDeliver) -> PackagePlan:
    return replace(_package_plan(package), path=f"~home/{remote_path(package)}")


def _package_plan(package: PackageToDeliver) -> PackagePlan:
    return PackagePlan(
        package.reference,
        package.package_id,
        package.version,
        re.sub(r"[/\\:]", "_", f"{package.package_id}.{package.version}{package.extension}"),
        package.size_bytes,
        package.sha256,
        package.extract,
        is_staged_only=package.is_staged_only,
    )


def remote_path(package: PackageToDeliver) -> str:
    """The compatible cache name; the content's digest stands where the reference has random digits: sent once."""
    name = CacheName(package.package_id, package.version, package.extension, package.sha256[:32].upper())
    return f"Files/{name}"


def _with_executor(executor: tuple[str, ...], plan: Plan) -> PreparedScript:
    """The agent's own executor; the one we send where the job's account or sandbox may not enter the agent's Python."""
    body = (
        f"{helper_source('proxies.sh')}"
        f"if [ -x {shlex.quote(executor[0])} ]; then exec {shlex.join(executor)} {PLAN_FILE}; fi\n"
        f"{_needs_python3('to prepare packages')}"
        f"exec python3 {EXECUTOR_FILE} {PLAN_FILE}\n"
    )
    return PreparedScript(body, {PLAN_FILE: plan_as_json(plan).encode("utf-8"), EXECUTOR_FILE: _zipapp_bytes()})


def _with_zipapp(zipapp: Upload, plan: Plan) -> PreparedScript:
    """The body checks that the executor arrived as we sent it, where the machine has the means."""
    digest = hashlib.sha256(_zipapp_bytes()).hexdigest()
    body = (
        f"{helper_source('proxies.sh')}"
        f'executor="$TentacleHome/{zipapp.remote_path}"\n{_needs_python3("to prepare packages")}'
        f'if type -P sha256sum >/dev/null && ! echo "{digest}  $executor" | sha256sum --check --status; then\n'
        f'  echo "The executor $executor is missing or damaged. Run the task again." >&2\n  exit 1\nfi\n'
        f'exec python3 "$executor" {PLAN_FILE}\n'
    )
    return PreparedScript(body, {PLAN_FILE: plan_as_json(plan).encode("utf-8")})


def _needs_python3(purpose: str) -> str:
    return (
        f"type -P python3 >/dev/null || {{ echo 'This machine has no python3, which Octavo needs {purpose}. "
        f"Install it, or run the step on a machine that has it.' >&2; exit 1; }}\n"
    )


@cache
def _zipapp_bytes() -> bytes:
    return build_zipapp()
