"""What the scripts of a task handed on: output variables, by the unit and the machine that set them.

They are written in the transaction that ends the attempt (`engine/script_unit.py`); a later attempt's take their place.
Source: script-execution.md §4.1, §4.2.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.server.domain.tasks import TaskId
from octavo.server.domain.vault import place
from octavo.server.store.schema import output_variables


@dataclass(frozen=True, slots=True)
class StoredOutput:
    """One output variable. A sensitive value is sealed at `output_place`. `machine_id` is "" where no target was."""

    unit: str
    machine_id: str
    name: str
    value: str = field(repr=False)
    is_sensitive: bool = False


def output_place(task_id: TaskId, unit: str, name: str) -> str:
    """Where a sensitive output variable stands, for its seal."""
    return place("output_variables", f"{task_id}/{unit}/{name}", "value")


async def replace_output_variables(
    connection: AsyncConnection, task_id: TaskId, unit: str, outputs: Sequence[StoredOutput]
) -> None:
    """Store what a unit set, in place of what its earlier attempts set."""
    columns = output_variables.c
    await connection.execute(delete(output_variables).where(columns.task_id == task_id, columns.unit == unit))
    if outputs:
        rows = [
            {
                "task_id": task_id,
                "unit": output.unit,
                "machine_id": output.machine_id,
                "name": output.name,
                "value": output.value,
                "is_sensitive": output.is_sensitive,
            }
            for output in outputs
        ]
        await connection.execute(insert(output_variables), rows)


async def list_output_variables(connection: AsyncConnection, task_id: TaskId) -> list[StoredOutput]:
    """Every output variable of a task, in a fixed order."""
    columns = output_variables.c
    statement = (
        select(columns.unit, columns.machine_id, columns.name, columns.value, columns.is_sensitive)
        .where(columns.task_id == task_id)
        .order_by(columns.unit, columns.machine_id, columns.name)
    )
    return [StoredOutput(*row) for row in await connection.execute(statement)]
