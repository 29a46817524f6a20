"""What the server itself does as a step: sends an e-mail, deploys another project's release, checks a machine.

Each does its deed once for an attempt: what was begun is stored before, or in the same transaction as, what follows
from it. Source: resources.md §9; docs/decisions/0081-actions-of-the-server.md.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from octavo.base.errors import Invalid
from octavo.executor.templates import ParseMode
from octavo.server.domain.executions import Execution
from octavo.server.domain.plans import Place as UnitPlace
from octavo.server.domain.plans import Unit
from octavo.server.domain.processes import RELEASE_PROJECT, is_true
from octavo.server.domain.service_messages import Level
from octavo.server.domain.tasks import Claim, Task, TaskId, TaskState
from octavo.server.engine.health_checks import HealthChecks
from octavo.server.engine.mail import Mail, addresses_in, send_mail
from octavo.server.engine.parts import EngineParts
from octavo.server.engine.unit_ends import Ending, UnitEnd
from octavo.server.engine.unit_variables import ExecutionVariables, Place, UnitVariables
from octavo.server.operations.child_deployments import deploy_child, read_child_request
from octavo.server.operations.deployments import announce
from octavo.server.operations.mail_settings import find_mail_settings
from octavo.server.operations.tasks import cancel_task
from octavo.server.store.task_units import TaskUnit, UnitStatus, list_units, save_unit
from octavo.server.store.tasks import get_task
from octavo.server.store.users import list_team_addresses

LOOK_SECONDS = 2.0  # for the other deployment's end, should the wake-up have been lost
_EMAIL = "Octopus.Action.Email."
_RELEASE = "Octopus.Action.DeployRelease."
_HEALTH = "Octopus.Action.HealthCheck."

Note = Callable[[str, Level, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ServerActions:
    """The server's own actions in one deployment. `waiting()` frees the task's place under the cap meanwhile."""

    parts: EngineParts
    claim: Claim
    task: Task
    execution: Execution
    frozen: ExecutionVariables
    health: HealthChecks
    cancel: asyncio.Event
    note: Note
    waiting: Callable[[], AbstractContextManager[None]]

    def is_mine(self, action_type: str) -> bool:
        """Whether the server does actions of this type itself."""
        return action_type.lower() in ("octopus.email", "octopus.deployrelease", "octopus.healthcheck")

    async def run(self, place: Place, path: str, attempt: int, unit: UnitVariables) -> UnitEnd:
        """Do the action once; taken up after a crash, what was done is not repeated.

        Raises:
            Invalid: it cannot be done; the message says why.
        """
        unit_id = path if attempt == 1 else f"{path}~{attempt}"
        match place.action.action_type.lower():
            case "octopus.email":
                return await self._send_mail(place, path, unit_id, unit)
            case "octopus.deployrelease":
                return await self._deploy_release(place, path, unit_id, unit)
            case _:
                return await self._check_health(place, path, unit_id)

    # ---- E-mail ------------------------------------------------------------------------------------------------------

    async def _send_mail(self, place: Place, path: str, unit_id: str, unit: UnitVariables) -> UnitEnd:
        """Send it. Killed between the mail server's yes and our note of it, we send it again, under the same id."""
        mark = f"mail:{unit_id}"
        async with self.parts.context.store.reading() as connection:
            is_sent = mark in await list_units(connection, self.task.id)
            settings = await find_mail_settings(connection, self.parts.context.vault)
        if is_sent:
            return UnitEnd(Ending.DONE)
        if settings is None:
            raise Invalid("This server has no mail settings. An administrator sets them at /api/smtpconfiguration.")
        mail = await self._mail(place, unit_id, unit)
        await send_mail(settings, mail)
        async with self.parts.context.store.writing() as connection:
            await save_unit(connection, self.claim, TaskUnit(mark, "mail", UnitStatus.SUCCESS))
        await self.note(path, Level.INFO, f"Sent '{mail.subject}' to {', '.join(mail.recipients)}.")
        return UnitEnd(Ending.DONE)

    async def _mail(self, place: Place, unit_id: str, unit: UnitVariables) -> Mail:
        def text(name: str) -> str:
            return unit.variables.evaluate(place.action.text(f"{_EMAIL}{name}"), ParseMode.CONTINUE).text

        async def addresses(who: str) -> list[str]:
            team_ids = [each.strip() for each in text(f"{who}TeamIds").split(",") if each.strip()]
            async with self.parts.context.store.reading() as connection:
                return [*addresses_in(text(who)), *(await list_team_addresses(connection, team_ids))]

        domain = f"{self.parts.node.lower()}.octavo"
        return Mail(
            message_id=f"<{self.task.id}.{unit_id.replace('/', '.').replace('~', '-')}@{domain}>",
            to=await addresses("To"),
            copy=await addresses("CC"),
            blind_copy=await addresses("Bcc"),
            subject=text("Subject"),
            body=text("Body"),
            is_html=is_true(text("IsHtml")),
            priority=text("Priority"),
        )

    # ---- Another project's release -----------------------------------------------------------------------------------

    async def _deploy_release(self, place: Place, path: str, unit_id: str, unit: UnitVariables) -> UnitEnd:
        child = await self._find_child(unit_id) or await self._queue_child(place, path, unit_id, unit)
        if child is None:
            return UnitEnd(Ending.DONE)
        end = await self._end_of(child)
        if end.state is TaskState.SUCCESS:
            return UnitEnd(Ending.DONE)
        if self.cancel.is_set():
            return UnitEnd(Ending.CANCELLED)
        return UnitEnd(Ending.FAILED, f"{end.description} ({end.id}) ended as {end.state.value}. {end.error}".strip())

    async def _find_child(self, unit_id: str) -> TaskId | None:
        async with self.parts.context.store.reading() as connection:
            known = (await list_units(connection, self.task.id)).get(f"child:{unit_id}")
        return TaskId(str(known.outcome["TaskId"])) if known else None

    async def _queue_child(self, place: Place, path: str, unit_id: str, unit: UnitVariables) -> TaskId | None:
        """Queue it, and in the same transaction remember that we did."""

        def text(name: str) -> str:
            return unit.variables.evaluate(place.action.text(f"{_RELEASE}{name}")).text

        version = self.frozen.version_of(place.action.name, "")
        wanted = read_child_request(
            place.action.text(RELEASE_PROJECT), version, text("DeploymentCondition"), text("Variables")
        )
        async with self.parts.context.store.writing() as connection:
            child = await deploy_child(self.parts.context, connection, self.execution, wanted)
            if isinstance(child, Execution):
                outcome = {"TaskId": child.task_id, "DeploymentId": child.id}
                mark = TaskUnit(f"child:{unit_id}", "child", UnitStatus.SUCCESS, outcome=outcome)
                await save_unit(connection, self.claim, mark)
        if isinstance(child, str):
            await self.note(path, Level.INFO, f"Nothing to deploy: {child}")
            return None
        await announce(self.parts.context, [child.task_id])
        await self.note(path, Level.INFO, f"{child.doc['TaskDescription']} was queued as {child.task_id}.")
        return child.task_id

    async def _end_of(self, child: TaskId) -> Task:
        """The other deployment at its end, however long it takes; cancelled with us."""
        is_told = False
        with self.waiting():
            async with self.parts.context.bus.subscribe(f"task.{child}") as wake_ups:
                while True:
                    async with self.parts.context.store.reading() as connection:
                        task = await get_task(connection, child)
                    if task.is_final:
                        return task
                    if self.cancel.is_set() and not is_told:
                        await cancel_task(self.parts.context.in_space(self.execution.space_id), child)
                        is_told = True
                    with contextlib.suppress(TimeoutError, StopAsyncIteration):
                        async with asyncio.timeout(LOOK_SECONDS):
                            await anext(wake_ups)

    # ---- Health ------------------------------------------------------------------------------------------------------

    async def _check_health(self, place: Place, path: str, unit_id: str) -> UnitEnd:
        if place.machine is None:
            raise Invalid(f"'{place.action.name}' has no machine to check.")
        unit = Unit(unit_id, place.machine.name, UnitPlace.TARGET, place.machine.id)
        only_connection = place.action.text(f"{_HEALTH}Type").lower() == "connectiontest"
        is_well, summary = await self.health.check_machine(
            self.claim, unit, self.cancel, only_connection=only_connection
        )
        if self.cancel.is_set():
            return UnitEnd(Ending.CANCELLED)
        if is_well:
            return UnitEnd(Ending.DONE)
        if place.action.text(f"{_HEALTH}ErrorHandling").lower() == "treatexceptionsaswarnings":
            await self.note(path, Level.WARNING, f"{place.machine.name} is left out of what follows: {summary}")
            return UnitEnd(Ending.EXCLUDED, summary)
        return UnitEnd(Ending.FAILED, summary)
