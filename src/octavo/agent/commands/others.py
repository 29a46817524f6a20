"""Commands that stand alone: extract; and those that other systems have and we do not.

Source: tentacle-cli §4.4 (Kubernetes), §4.5 (watchdog, extract).
"""

import time

from octavo.agent.command_line import Option, OptionKind
from octavo.agent.commands.command import CONFIG, INSTANCE, Command, Invocation, switch
from octavo.base.errors import ConfigurationError

_EXTRACT_TRIES = 10
_EXTRACT_PAUSE_SECONDS = 5


def extract_package(invocation: Invocation) -> int:
    """`extract`: unpack a NuGet package; a file that is still being written gets ten tries."""
    package, destination = (invocation.arguments.find_text(name) for name in ("package", "destination"))
    if package is None:
        raise ConfigurationError("Please specify the package to extract, e.g. --package=Acme.Web.1.0.0.nupkg")
    if destination is None:
        raise ConfigurationError("Please specify where to extract it, e.g. --destination=/opt/acme")
    from octavo.executor.extract import ExtractionRefused, extract

    source = invocation.host.working_folder / package
    target = invocation.host.working_folder / destination
    if not source.is_file():
        raise ConfigurationError(f"The package {source} does not exist.")
    for left in reversed(range(_EXTRACT_TRIES)):
        try:
            files = extract(source, "package.nupkg", target, invocation.warn)
        except ExtractionRefused as error:
            raise ConfigurationError(f"The package {source} cannot be extracted: {error}") from error
        except OSError as error:
            if not left:
                raise ConfigurationError(f"The package {source} cannot be extracted: {error}") from error
            invocation.warn(f"Could not extract the package yet: {error}. {left} tries left.")
            time.sleep(_EXTRACT_PAUSE_SECONDS)
        else:
            break
    invocation.say(f"{files} files extracted")
    return 0


def refuse_off_windows(_: Invocation) -> int:
    """`watchdog` and `checkservices`: systemd restarts agents by itself."""
    raise ConfigurationError("This command is only supported on Windows.")


def refuse_kubernetes(_: Invocation) -> int:
    """The Kubernetes commands."""
    raise ConfigurationError(
        "Octavo's agent does not run inside Kubernetes, so this command does nothing. "
        "Register a machine with: tentacle register-worker, or tentacle register-with"
    )


_INSTANCES = Option(("instances",), "List of instances to check, separated by commas; * for all")

_KUBERNETES = (
    ("register-k8s-target", "Registers a Kubernetes cluster as a deployment target (not supported by this agent)"),
    ("register-k8s-worker", "Registers a Kubernetes cluster as a worker (not supported by this agent)"),
    ("register-k8s-cluster", "Registers a Kubernetes cluster (obsolete; not supported by this agent)"),
    ("migrate-preinstalled-k8s-config", "Migrates a Kubernetes agent's configuration (not supported by this agent)"),
)

COMMANDS = (
    Command(
        "extract",
        "Extracts a NuGet package",
        extract_package,
        (Option(("package",), "Package file"), Option(("destination",), "Destination directory")),
    ),
    Command(
        "watchdog",
        "Configure a scheduled task to monitor the Tentacle service(s) (Windows only)",
        refuse_off_windows,
        (
            switch("create", description="Create the watchdog task for the given instances"),
            switch("delete", description="Delete the watchdog task for the given instances"),
            Option(
                ("interval",),
                "The interval, in minutes, at which that the service(s) should be checked; 5 by default",
                OptionKind.NUMBER,
            ),
            _INSTANCES,
        ),
    ),
    Command(
        "checkservices",
        "Checks the Tentacle instances are running and starts those that are not (Windows only)",
        refuse_off_windows,
        (_INSTANCES,),
    ),
    *(
        Command(name, description, refuse_kubernetes, (INSTANCE, CONFIG), takes_anything=True)
        for name, description in _KUBERNETES
    ),
)
