"""The levels of confinement, and which of them this machine can give.

`sandbox`: own view of files, processes and temporary folders. `account`: an OS account per owner. `none`: the agent's
account. A level that was asked for and cannot be had is an error, never a weaker level.

Source: DESIGN §5; docs/decisions/0021-confinement.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

BEST = "best"


class ConfinementLevel(StrEnum):
    """Strictest first."""

    SANDBOX = "sandbox"
    ACCOUNT = "account"
    NONE = "none"


class ConfinementUnavailable(Exception):
    """The level asked for cannot be had here. The message names it, the reason and what to do."""


@dataclass(frozen=True, slots=True)
class ConfinementOffer:
    """What this machine can give: a level is available unless a reason says why not."""

    reasons_against: Mapping[ConfinementLevel, str] = field(default_factory=dict)

    @property
    def available(self) -> tuple[ConfinementLevel, ...]:
        """The levels that work here, strictest first."""
        return tuple(level for level in ConfinementLevel if level not in self.reasons_against)

    def choose(self, asked_for: str) -> ConfinementLevel:
        """The level for a job that asks for a level's name or `best`.

        Raises:
            ConfinementUnavailable: it is no level, or this machine cannot give it.
        """
        if asked_for == BEST:
            return self.available[0]
        if asked_for not in list(ConfinementLevel):
            known = ", ".join((BEST, *ConfinementLevel))
            raise ConfinementUnavailable(f"The confinement '{asked_for}' is not known. Known are: {known}.")
        level = ConfinementLevel(asked_for)
        if level in self.reasons_against:
            raise ConfinementUnavailable(
                f"The confinement '{level}' was asked for, but this machine cannot give it: "
                f"{self.reasons_against[level]} The job was not started. Available here: {', '.join(self.available)}."
            )
        return level
