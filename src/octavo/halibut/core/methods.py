"""The methods of a contract: wire names, parameter and result types, read once from the Protocol's hints.

Source: halibut.md §7.1; tentacle-services.md §2.
"""

import inspect
from dataclasses import dataclass
from functools import cache
from typing import Any, get_type_hints

from octavo.halibut.core.codec import member_name
from octavo.halibut.core.wire_types import Contract


@dataclass(frozen=True, slots=True)
class Method:
    """One method: `start_script` here, `StartScript` on the wire."""

    name: str
    wire_name: str
    parameters: tuple[Any, ...]
    result: Any


@cache
def methods_of(contract: Contract[Any]) -> dict[str, Method]:
    """All methods of a contract by their Python names."""
    return {
        name: _read_method(name, function)
        for name, function in inspect.getmembers(contract.protocol, inspect.iscoroutinefunction)
        if not name.startswith("_")
    }


def _read_method(name: str, function: Any) -> Method:
    hints = get_type_hints(function)
    result = hints.pop("return")
    return Method(name, member_name(name), tuple(hints.values()), result)
