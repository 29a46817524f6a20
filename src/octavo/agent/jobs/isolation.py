"""Which scripts of one mutex name wait for each other. Pure: who asked, who holds, who is next.

A reader/writer lock per name. FullIsolation excludes every other script of that name; NoIsolation ones run together. A
waiting writer stops later readers, so it cannot starve.

Source: tentacle-services.md §7.
"""

from collections import defaultdict
from dataclasses import dataclass

from octavo.contracts.scripts import ScriptIsolationLevel

DEFAULT_MUTEX_NAME = "RunningScript"


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """One script's wish to run: known by itself, not by its values, since one task may have several."""

    task_id: str
    level: ScriptIsolationLevel

    @property
    def is_exclusive(self) -> bool:
        """Whether it excludes every other script of its name."""
        return self.level is ScriptIsolationLevel.FULL_ISOLATION


class IsolationMutexes:
    """All mutexes of one agent, by name."""

    def __init__(self) -> None:
        self._holders: dict[str, list[Claim]] = defaultdict(list)
        self._queues: dict[str, list[Claim]] = defaultdict(list)

    def request(self, name: str, claim: Claim) -> bool:
        """Ask for the mutex. True: it is granted. False: it waits its turn, which `end` will tell."""
        if not self._queues[name] and self._is_free_for(name, claim):
            self._holders[name].append(claim)
            return True
        self._queues[name].append(claim)
        return False

    def adopt(self, name: str, claim: Claim) -> None:
        """Note that a script found running holds the mutex, whatever the rules say."""
        self._holders[name].append(claim)

    def end(self, name: str, claim: Claim) -> list[Claim]:
        """Give the mutex back, or stop waiting for it. Returns the claims that hold it from now on."""
        if claim in self._holders[name]:
            self._holders[name].remove(claim)
        elif claim in self._queues[name]:
            self._queues[name].remove(claim)
        granted: list[Claim] = []
        queue = self._queues[name]
        while queue and self._is_free_for(name, queue[0]):
            granted.append(queue[0])
            self._holders[name].append(queue.pop(0))
        return granted

    def list_holders(self, name: str) -> list[Claim]:
        """Who holds the mutex now, longest first."""
        return list(self._holders[name])

    def _is_free_for(self, name: str, claim: Claim) -> bool:
        holders = self._holders[name]
        if claim.is_exclusive:
            return not holders
        return not any(holder.is_exclusive for holder in holders)
