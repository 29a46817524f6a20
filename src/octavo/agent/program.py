"""The program `tentacle`: finds the command, runs it, and turns what happens into messages and an exit code.

Source: tentacle-cli §2, §2.1.
"""

import logging
import traceback
from collections.abc import Sequence

from octavo import __version__
from octavo.agent import help as help_texts
from octavo.agent.command_line import (
    Arguments,
    InvalidOption,
    Option,
    OptionKind,
    parse_arguments,
    parse_command_name,
    strip_options,
)
from octavo.agent.commands import (
    basics,
    certificate,
    deregistering,
    instance,
    others,
    registering,
    running,
    service,
    settings,
    show_configuration,
)
from octavo.agent.commands.command import Command, Invocation, switch, wants_json
from octavo.agent.commands.server_options import API_KEY_VARIABLE
from octavo.agent.host import Host
from octavo.agent.liveness import is_agent_running
from octavo.agent.service_log import ServiceLog, open_service_log
from octavo.base.errors import ConfigurationError, OctavoError, UserError

log = logging.getLogger(__name__)

SUCCESS = 0
EXPECTED_FAILURE = 1
NO_COMMAND = 2
TYPE_LOAD_FAILURE = 43
UNEXPECTED_FAILURE = 100

COMMANDS: tuple[Command, ...] = (
    *basics.COMMANDS,
    *instance.COMMANDS,
    *certificate.COMMANDS,
    *settings.COMMANDS,
    *registering.COMMANDS,
    *deregistering.COMMANDS,
    *show_configuration.COMMANDS,
    *running.COMMANDS,
    *service.COMMANDS,
    *others.COMMANDS,
)

COMMAND_BY_NAME = {name: command for command in COMMANDS for name in (command.name, *command.aliases)}

#: What every command knows; taken away before the command sees its arguments.
COMMON_OPTIONS = (
    switch("help", description=help_texts.COMMON_HELP),
    switch("nologo", description="Don't print title or version information"),
    switch("noconsolelogging", description="Don't log informational messages to the console"),
    switch("console", description="Don't attempt to run as a service, even if the user is non-interactive"),
    switch("noninteractive", description="Don't wait for a key press"),
    Option(("monitorMutex",), "Stop when the named mutex is free"),
)


def run(arguments: Sequence[str], host: Host) -> int:
    """Run one command line to its end; the process's exit code."""
    if not arguments:
        host.stdout.write(help_texts.general_help(COMMANDS))
        return NO_COMMAND
    name = parse_command_name(arguments[0])
    command = COMMAND_BY_NAME.get(name)
    if command is None:
        host.stderr.write(f"Command '{name}' is not supported\n")
        host.stdout.write(f"See '{help_texts.PROGRAM} help'\n")
        return NO_COMMAND
    try:
        common, rest = strip_options(COMMON_OPTIONS, arguments[1:])
        if common.is_on("help") and (command.name != "help" or not rest):
            command, rest = COMMAND_BY_NAME["help"], [command.name, *_format_of(rest)]
        parsed = parse_arguments(command.options, rest)
    except InvalidOption as error:
        with open_service_log(None, host.stderr) as service_log:
            service_log.use_folder(host.early_log_folder)
            return _report_unexpected(error, service_log)
    return _run_command(command, common, parsed, host)


def _run_command(command: Command, common: Arguments, arguments: Arguments, host: Host) -> int:
    silent = command.keeps_stdout_clean or common.is_on("noconsolelogging")
    secrets = [one.value or "" for one in arguments.given if one.option.is_sensitive]
    secrets.append(host.environment.get(API_KEY_VARIABLE, ""))
    level = host.environment.get("OCTOPUS__TENTACLE__LOGLEVEL", "")
    with open_service_log(None if silent else host.stdout, host.stderr, level=level, secrets=secrets) as service_log:
        service_log.use_folder(host.early_log_folder)
        invocation = Invocation(
            arguments, host, service_log, is_interactive=not common.is_on("noninteractive"), commands=COMMANDS
        )
        try:
            _refuse_leftovers(command, arguments)
            log.debug("tentacle %s runs %s", __version__, command.name)
            exit_code = command.run(invocation)
            _mention_restart(invocation)
        except KeyboardInterrupt:
            return EXPECTED_FAILURE
        except Exception as error:  # the process's root: everything becomes a message and an exit code
            return _report(error, service_log)
        return exit_code


def _format_of(arguments: Sequence[str]) -> list[str]:
    """`version --format=json --help` wants its help as JSON; all else of that line does not matter."""
    chosen, _ = strip_options((Option(("format",), "", OptionKind.TEXT),), list(arguments))
    text = chosen.find_text("format")
    return [f"--format={text}"] if text and wants_json(chosen) else []


def _refuse_leftovers(command: Command, arguments: Arguments) -> None:
    if arguments.leftovers and not command.takes_anything:
        raise ConfigurationError(f"Unrecognized command line arguments: {' '.join(arguments.leftovers)}")


def _mention_restart(invocation: Invocation) -> None:
    if invocation.has_changed_settings and is_agent_running(invocation.home):
        what = "of the service" if invocation.instance.name is None else f"of the {help_texts.PROGRAM}"
        invocation.warn(f"These changes require a restart {what}.")


def _report(error: Exception, service_log: ServiceLog) -> int:
    if isinstance(error, UserError | ConfigurationError):
        log.error("%s", error)
        return EXPECTED_FAILURE
    return _report_unexpected(error, service_log)


def _report_unexpected(error: Exception, service_log: ServiceLog) -> int:
    """Errors on purpose show their message; a bug shows where it happened."""
    code = TYPE_LOAD_FAILURE if isinstance(error, ImportError) else UNEXPECTED_FAILURE
    details = str(error) if isinstance(error, OctavoError) else "".join(traceback.format_exception(error)).rstrip()
    log.error("%s\n%s", "=" * 79, details)
    log.error("Terminating process with exit code %s", code)
    log.error("Full error details are available in the log files at %s", service_log.folder)
    return code
