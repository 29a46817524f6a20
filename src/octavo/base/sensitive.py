"""Values that must never be shown: not in logs, tracebacks, `repr` or an f-string."""

from dataclasses import dataclass, field

MASK = "********"


@dataclass(frozen=True, slots=True)
class Sensitive:
    """A secret text. Only `reveal()` gives it back; every other rendering is a mask."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """The secret itself. Each call is a place to review."""
        return self._value

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return f"Sensitive({MASK})"
