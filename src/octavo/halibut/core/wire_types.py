"""How Python classes are spelt on the wire: `$type` names, integer widths, contracts.

A dataclass becomes a wire type by `@wire_type("Namespace.Name, Assembly")`. Its fields are written in declaration
order under their PascalCase names (`script_ticket` → `ScriptTicket`). A contract is a Protocol whose coroutines are
the service's methods (`start_script` → `StartScript`), named as the peer names the interface.

Source: halibut.md §4.4–4.7 and tentacle-services.md §1.2.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NewType, TypeVar

#: A .NET `long`: written as BSON int64 whatever its size. A plain `int` field is a .NET `int` (BSON int32).
Long = NewType("Long", int)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WireName:
    """The `$type` a class is written with, and the other spellings under which it is read."""

    name: str
    also_read: tuple[str, ...] = ()


#: Every class marked by `wire_type`, to its name. Nothing outside this table is ever made from the wire.
WIRE_NAMES: dict[type, WireName] = {}


def wire_type(name: str, *also_read: str) -> Callable[[type[T]], type[T]]:
    """Mark a dataclass as something that travels: `name` is its `$type`, `also_read` are accepted too."""

    def mark(cls: type[T]) -> type[T]:
        WIRE_NAMES[cls] = WireName(name, also_read)
        return cls

    return mark


@dataclass(frozen=True, slots=True)
class Contract(Generic[T]):
    """A service as both sides know it: the wire's interface name and the Protocol that lists its methods."""

    name: str
    protocol: type[T]
