"""Output variables between their script and their readers: sensitive ones sealed in the store, opened only here.

Source: script-execution.md §4.1, §4.4; DESIGN §6 (secrets).
"""

from collections.abc import Iterable

from octavo.base.sensitive import Sensitive
from octavo.server.domain.script_effects import SetOutputVariable
from octavo.server.domain.tasks import TaskId
from octavo.server.domain.vault import Vault
from octavo.server.store.output_variables import StoredOutput, output_place

EXIT_CODE = "Octopus.Action.Script.ExitCode"


def sealed_outputs(
    vault: Vault, task_id: TaskId, unit: str, machine_id: str, outputs: Iterable[SetOutputVariable]
) -> list[StoredOutput]:
    """The variables as they are stored. Of two whose names differ only in case, the later one counts."""
    last = {output.name.casefold(): output for output in outputs}
    return [
        StoredOutput(unit, machine_id, output.name, _sealed(vault, task_id, unit, output), output.is_sensitive)
        for output in last.values()
    ]


def open_output(vault: Vault, task_id: TaskId, stored: StoredOutput) -> str:
    """The value of a stored variable.

    Raises:
        CannotOpen: the key that sealed it is not here any more.
    """
    if not stored.is_sensitive:
        return stored.value
    return vault.open(stored.value, output_place(task_id, stored.unit, stored.name)).reveal()


def _sealed(vault: Vault, task_id: TaskId, unit: str, output: SetOutputVariable) -> str:
    if not output.is_sensitive:
        return output.value
    return vault.seal(Sensitive(output.value), output_place(task_id, unit, output.name))
