"""Scripts that complete `tentacle` command lines in a shell. Pure."""

from collections.abc import Callable, Iterable

from octavo.agent.commands.command import Command

_BASH = """\
# Completion for tentacle. Load it with: source <(tentacle completion bash)
_tentacle() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} words
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="{commands}"
  else
    case ${{COMP_WORDS[1]}} in
{cases}
      *) words="" ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _tentacle tentacle Tentacle
"""


def bash_script(commands: Iterable[Command]) -> str:
    """For bash: the first word completes to a command, later ones to its options, else to files."""
    shown = sorted((command for command in commands if not command.is_hidden), key=lambda command: command.name)
    cases = "\n".join(f'      {command.name}) words="{_options(command)}" ;;' for command in shown)
    return _BASH.format(commands=" ".join(command.name for command in shown), cases=cases)


def zsh_script(commands: Iterable[Command]) -> str:
    """For zsh, which understands bash's script."""
    return "autoload -U +X bashcompinit && bashcompinit\n" + bash_script(commands).replace(
        "source <(tentacle completion bash)", "source <(tentacle completion zsh)"
    )


SHELLS: dict[str, Callable[[Iterable[Command]], str]] = {"bash": bash_script, "zsh": zsh_script}


def _options(command: Command) -> str:
    names = [name for option in command.options if not option.is_hidden for name in option.names if len(name) > 1]
    return " ".join(f"--{name}" for name in [*names, "help"])
