"""Commands that take this agent off a server: deregister-worker, deregister-from. Source: tentacle-cli §4.4, §6.6."""

from octavo.agent.command_line import Option
from octavo.agent.commands.command import CONFIG, INSTANCE, Command, Invocation, switch
from octavo.agent.commands.server_options import API_OPTIONS, open_client, other_proxy
from octavo.agent.configuration import Key
from octavo.base.errors import ConfigurationError


def deregister_worker(invocation: Invocation) -> int:
    """`deregister-worker`."""
    _deregister(invocation, are_workers=True)
    invocation.say("Worker deregistered successfully")
    return 0


def deregister_target(invocation: Invocation) -> int:
    """`deregister-from`."""
    _deregister(invocation, are_workers=False)
    invocation.say("Machine deregistered successfully")
    return 0


def _deregister(invocation: Invocation, *, are_workers: bool) -> None:
    thumbprint = invocation.configuration.find(Key.CERTIFICATE_THUMBPRINT)
    if thumbprint is None:
        raise ConfigurationError(
            "No certificate has been generated for this Tentacle, so no machine on the server can be this one."
        )
    with open_client(invocation, proxy=other_proxy(invocation)) as client:
        from octavo.agent.registration import deregister

        server_thumbprint = deregister(
            client,
            thumbprint=thumbprint,
            space=invocation.arguments.find_text("space"),
            are_workers=are_workers,
            may_be_several=invocation.arguments.is_on("multiple"),
            say=invocation.say,
        )
    invocation.say(
        "This Tentacle still trusts the Octopus Server. To remove the trust: "
        f"tentacle configure --remove-trust={server_thumbprint}"
    )


_OPTIONS = (
    INSTANCE,
    CONFIG,
    *API_OPTIONS,
    switch("m", "multiple", description="Deregister all machines that use the same thumbprint"),
    Option(("space",), "The name of the space to deregister from; the default space if omitted"),
)

COMMANDS = (
    Command("deregister-worker", "Deregisters this worker from an Octopus Server", deregister_worker, _OPTIONS),
    Command(
        "deregister-from",
        "Deregisters this deployment target from an Octopus Server",
        deregister_target,
        _OPTIONS,
    ),
)
