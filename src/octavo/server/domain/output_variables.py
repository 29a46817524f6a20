"""The names under which later steps read what earlier ones set. Pure. Source: script-execution.md §4.1, §4.2."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OutputVariable:
    """A value that an action set. `machine_name` is "" where it ran for no target."""

    action_name: str
    machine_name: str
    name: str
    value: str = field(repr=False)
    is_sensitive: bool = False


def readable_outputs(outputs: Iterable[OutputVariable], machine_name: str = "") -> dict[str, OutputVariable]:
    """By the name it is read under, as seen from this machine: its own value, else that of the last one that ran."""
    readable: dict[str, OutputVariable] = {}
    for output in outputs:
        plain = f"Octopus.Action[{output.action_name}].Output.{output.name}"
        if output.machine_name:
            readable[f"Octopus.Action[{output.action_name}].Output[{output.machine_name}].{output.name}"] = output
        known = readable.get(plain)
        if known is None or known.machine_name.casefold() != machine_name.casefold() or not machine_name:
            readable[plain] = output
    return readable
