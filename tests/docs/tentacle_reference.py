"""Makes docs/reference/tentacle.md from the commands themselves: what each does, its options, an example.

Run it: `python tests/docs/tentacle_reference.py` (or `make docs`) rewrites the page.
"""

from pathlib import Path

from octavo.agent.command_line import Option
from octavo.agent.commands.command import Command
from octavo.agent.program import COMMANDS

PAGE = Path(__file__).parents[2] / "docs/reference/tentacle.md"

#: One good command line a command. The tests parse each with the command's own options.
EXAMPLES = {
    "agent": "tentacle agent --instance=W1 --noninteractive",
    "checkservices": "tentacle checkservices --instances=*",
    "clear-trusted-servers": "tentacle clear-trusted-servers --instance=W1 --keep=https://octavo.example:10943",
    "completion": "tentacle completion bash",
    "configure": "tentacle configure --instance=W1 --app=/home/Octopus/Applications --port=10933 --noListen=False",
    "create-instance": "tentacle create-instance --instance=W1 --config=/etc/octopus/W1/tentacle-W1.config",
    "delete-instance": "tentacle delete-instance --instance=W1",
    "deregister-from": "tentacle deregister-from --instance=W1 --server=https://octavo.example --apiKey=API-…",
    "deregister-worker": "tentacle deregister-worker --instance=W1 --server=https://octavo.example --apiKey=API-…",
    "extract": "tentacle extract --package=Acme.Web.1.0.0.nupkg --destination=/opt/acme",
    "help": "tentacle help register-worker",
    "import-certificate": "tentacle import-certificate --instance=W1 --from-file=w1.pfx --pfx-password=…",
    "list-instances": "tentacle list-instances --format=json",
    "livez": "tentacle livez --instance=W1 --max-age=60",
    "migrate-preinstalled-k8s-config": "tentacle migrate-preinstalled-k8s-config",
    "new-certificate": "tentacle new-certificate --instance=W1 --if-blank",
    "poll-server": (
        "tentacle poll-server --instance=W1 --server=https://octavo.example --apiKey=API-… "
        "--server-comms-address=https://node2.example:10943"
    ),
    "polling-proxy": "tentacle polling-proxy --instance=W1 --proxyEnable=true --proxyHost=proxy --proxyPort=3128",
    "proxy": "tentacle proxy --instance=W1 --proxyEnable=true --proxyHost=proxy.example --proxyPort=3128",
    "register-k8s-cluster": "tentacle register-k8s-cluster",
    "register-k8s-target": "tentacle register-k8s-target",
    "register-k8s-worker": "tentacle register-k8s-worker",
    "register-with": (
        "tentacle register-with --instance=W1 --server=https://octavo.example --apiKey=API-… "
        "--environment=Production --role=web-server"
    ),
    "register-worker": (
        'tentacle register-worker --instance MyInstance --server "https://example.com/" '
        '--comms-style TentaclePassive --apikey "API-…" --workerpool "Default Worker Pool"'
    ),
    "server-comms": "tentacle server-comms --instance=W1 --style=TentacleActive --host=octavo.example",
    "service": "tentacle service --install --start --instance=W1",
    "set-polling-connection-count": "tentacle set-polling-connection-count --instance=W1 --pollingConnectionCount=8",
    "show-configuration": "tentacle show-configuration --instance=W1",
    "show-thumbprint": "tentacle show-thumbprint --instance=W1",
    "update-trust": "tentacle update-trust --instance=W1 --oldThumbprint=… --newThumbprint=…",
    "version": "tentacle version --format=json",
    "watchdog": "tentacle watchdog --create --instances=*",
}

_HEAD = """\
# The command `tentacle`

<!-- Made by tests/docs/tentacle_reference.py from the commands: edit those, and run `make docs`. -->

The agent and everything that sets it up. It is also installed as `Tentacle`. New here? Read
[Add a worker](../guide/add-a-worker.md) first.

## Grammar

* The first argument is the command; `tentacle help COMMAND` explains it.
* `--name value`, `--name=value`, `--name:value`, `-name=value` and `/name=value` mean the same, in any case. One-letter
  options can be bundled: `-fhmyhost` is `--force --publicHostName=myhost`. `--` ends the options.
* Switches take no value; `--name-` turns one off.
* `--instance` or `--config` say which agent on this machine is meant. Without them it is `Tentacle.config` in the
  current folder, else the instance `Tentacle`, else the only one.
* Every command knows `--help`, `--noninteractive`, `--console`, `--nologo` and `--noconsolelogging`.

| exit code | means |
|---|---|
| 0 | done |
| 1 | not possible; the message on stderr says why and what to do |
| 2 | no such command |
| 43 | a part of the program is missing |
| 100 | a missing or unreadable value, a server that does not answer or denies access, a bug; with details |

Messages go to stdout, errors to stderr, both to `Logs/OctopusTentacle.txt` in the instance's home (seven days
are kept).

| environment variable | what it does |
|---|---|
| `OCTAVO_API_KEY` | the API key, where the command line has no credentials: `ps` shows it to every account |
| `TentacleMachineConfigurationHomeDirectory` | where instances are registered, instead of `/etc/octopus` |
| `DefaultLogDirectory` | where the log goes before the instance is known |
| `OCTOPUS__TENTACLE__LOGLEVEL` | `Trace`, `Debug`, `Info`, `Warn`, `Error`, `Fatal` or `Off` |
| `TentaclePollingConnectionCount` | how many connections a polling agent keeps, whatever is configured |
| `OCTOPUS_CONTRIBUTE_ENV_SETTINGS` | `true`: settings may come from `OCTOPUS_HOME`, `TENTACLE_SERVICE_PORT`, … |
| `OCTOPUS_SERVICE_USERNAME` | the account of an installed service, where `--username` is not given |
| `HTTPS_PROXY`, `NO_PROXY`, `SSL_CERT_FILE` | as everywhere |

## Commands
"""


def render_page() -> str:
    """docs/reference/tentacle.md as it should be."""
    shown = sorted((command for command in COMMANDS if not command.is_hidden), key=lambda command: command.name)
    index = "".join(f"* [`{command.name}`](#{command.name}): {command.description}\n" for command in shown)
    return _HEAD + "\n" + index + "".join(_section(command) for command in shown)


def _section(command: Command) -> str:
    aliases = f" Also: {', '.join(f'`{alias}`' for alias in command.aliases)}." if command.aliases else ""
    lines = [
        "",
        f"### {command.name}",
        "",
        f"{command.description}.{aliases}",
        "",
        "```bash",
        EXAMPLES[command.name],
        "```",
    ]
    options = [option for option in command.options if not option.is_hidden]
    if options:
        lines += ["", "| option | meaning |", "|---|---|", *(_row(option) for option in options)]
    return "\n".join(lines) + "\n"


def _row(option: Option) -> str:
    names = ", ".join(f"`-{name}`" if len(name) == 1 else f"`--{name}`" for name in option.names)
    return f"| {names}{' VALUE' if option.takes_value else ''} | {option.description.replace('|', '/')} |"


if __name__ == "__main__":
    PAGE.write_text(render_page())
