"""The variables of a step as its log shows them when somebody asks for it. Source: script-execution.md §3.10."""

from collections.abc import Collection

from octavo.executor.templates import Variables
from octavo.server.domain.masking import MASK

PRINT_RAW, PRINT_EVALUATED = "OctopusPrintVariables", "OctopusPrintEvaluatedVariables"
_LEFT_OUT = "CustomScripts."


def printed_variables(variables: Variables, secrets: Collection[str]) -> list[str]:
    """Lines with every variable, sorted; none unless one of the two flags is set. Sensitive values do not show."""
    lines: list[str] = []
    for flag in (PRINT_RAW, PRINT_EVALUATED):
        if (variables.find(flag) or "").strip().lower() != "true":
            continue
        values = dict(variables) if flag == PRINT_RAW else variables.evaluated()
        lines.append(f"These are {'the' if flag == PRINT_RAW else 'the evaluated'} variables of this step ({flag}):")
        for name in sorted(values, key=str.casefold):
            if _LEFT_OUT not in name:
                lines.append(f"[{name}] = '{MASK if values[name] in secrets else values[name]}'")
    return lines
