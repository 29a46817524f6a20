"""Output variables in the store, and what becomes of sensitive ones, on SQLite and PostgreSQL."""

from datetime import UTC, datetime

from octavo.server.domain.script_effects import SetOutputVariable
from octavo.server.domain.tasks import NewTask, TaskId, TaskKind
from octavo.server.domain.vault import Vault, new_key
from octavo.server.engine.output_variables import open_output, sealed_outputs
from octavo.server.store import Store
from octavo.server.store.output_variables import list_output_variables, replace_output_variables
from octavo.server.store.tasks import insert_task

NOW = datetime(2026, 1, 2, tzinfo=UTC)
VAULT = Vault({"1": new_key()}, "1")


async def a_task(store: Store) -> TaskId:
    async with store.writing() as connection:
        new = NewTask(TaskKind.AD_HOC_SCRIPT, "Spaces-1", "Script", {}, {"steps": []})
        return (await insert_task(connection, new, NOW, "admin", "Users-1")).id


async def keep(store: Store, task_id: TaskId, unit: str, machine_id: str, *outputs: SetOutputVariable) -> None:
    async with store.writing() as connection:
        rows = sealed_outputs(VAULT, task_id, unit, machine_id, outputs)
        await replace_output_variables(connection, task_id, unit, rows)


async def test_a_sensitive_output_is_sealed_and_opens_in_its_place(store: Store) -> None:
    task_id = await a_task(store)

    await keep(store, task_id, "1/1", "Machines-1", SetOutputVariable("Key", "hunter2", is_sensitive=True))
    async with store.reading() as connection:
        [stored] = await list_output_variables(connection, task_id)

    assert "hunter2" not in stored.value
    assert open_output(VAULT, task_id, stored) == "hunter2"


async def test_a_retry_replaces_what_its_unit_set_and_leaves_others_alone(store: Store) -> None:
    task_id = await a_task(store)
    await keep(
        store, task_id, "1/1", "Machines-1", SetOutputVariable("A", "1", False), SetOutputVariable("B", "1", False)
    )
    await keep(store, task_id, "1/2", "Machines-2", SetOutputVariable("A", "2", False))

    await keep(
        store, task_id, "1/1", "Machines-1", SetOutputVariable("a", "old", False), SetOutputVariable("A", "", False)
    )
    async with store.reading() as connection:
        stored = await list_output_variables(connection, task_id)

    assert [(each.machine_id, each.name, each.value) for each in stored] == [
        ("Machines-1", "A", ""),
        ("Machines-2", "A", "2"),
    ]
