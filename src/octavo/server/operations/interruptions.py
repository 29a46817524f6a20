"""Interruptions: what a task asks, who takes it on, and the answer. Source: resources.md §16."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Conflict, Forbidden, Invalid
from octavo.server.domain.permissions import Permission
from octavo.server.domain.roles import EVERYONE_TEAM
from octavo.server.operations.audit import record
from octavo.server.operations.context import OperationContext, require
from octavo.server.operations.documents import Json
from octavo.server.operations.moments import moment
from octavo.server.operations.requests import Members
from octavo.server.operations.sight import granted_ids, place_sight, require_row
from octavo.server.store import interruptions as store
from octavo.server.store.interruptions import GUIDED_FAILURE, Interruption
from octavo.server.store.rights import list_team_ids
from octavo.server.store.schema import server_tasks

PROCEED, ABORT = "Proceed", "Abort"
FAIL, RETRY, IGNORE, EXCLUDE = "Fail", "Retry", "Ignore", "Exclude"
_CHOICES = {store.MANUAL_INTERVENTION: (PROCEED, ABORT), GUIDED_FAILURE: (FAIL, RETRY, IGNORE, EXCLUDE)}


async def read_interruptions(
    context: OperationContext, *, task_id: str | None, ids: Sequence[str] | None, is_pending_only: bool
) -> list[Json]:
    """The questions of the space, newest first."""
    require(context, Permission.INTERRUPTION_VIEW)
    async with context.store.reading() as connection:
        found = await store.list_interruptions(
            connection, context.space_id, task_id=task_id, ids=ids, is_pending_only=is_pending_only
        )
        seen = await granted_ids(
            context,
            connection,
            server_tasks,
            {each.task_id for each in found},
            permission=Permission.INTERRUPTION_VIEW,
            sight=place_sight(server_tasks),
        )
    return [shown_interruption(each, context.caller.user_id) for each in found if each.task_id in seen]


async def read_interruption(context: OperationContext, interruption_id: str) -> Json:
    """One question.

    Raises:
        NotFound: there is none in this space.
    """
    async with context.store.reading() as connection:
        found = await _granted(context, connection, interruption_id, Permission.INTERRUPTION_VIEW)
    return shown_interruption(found, context.caller.user_id)


async def take_interruption(context: OperationContext, interruption_id: str) -> str:
    """Make the caller the one who answers; their id.

    Raises:
        NotFound: there is none in this space.
    """
    async with context.store.writing() as connection:
        found = await _granted(context, connection, interruption_id, Permission.INTERRUPTION_SUBMIT)
        await _check_team(context, connection, found)
        await store.take_responsibility(connection, found.id, context.caller.user_id)
    return context.caller.user_id


async def answer(context: OperationContext, interruption_id: str, data: object) -> Json:
    """Answer a question, once, and let the task go on.

    Raises:
        NotFound: there is none in this space.
        Invalid: it is none of the answers, somebody else took it on, or it was answered already.
    """
    members = Members(data)
    async with context.store.writing() as connection:
        found = await _granted(context, connection, interruption_id, Permission.INTERRUPTION_SUBMIT)
        await _check_team(context, connection, found)
        if found.responsible_user_id not in (None, context.caller.user_id):
            raise Invalid(f"{found.responsible_user_id} has taken this on. Take responsibility yourself first.")
        result = _result(found, members)
        given = {
            "Result": result,
            "Notes": members.text("Notes"),
            "UserId": context.caller.user_id,
            "Username": context.caller.username,
            "AnsweredOn": moment(context.clock.now()),
        }
        try:
            await store.answer_interruption(connection, found, given)
        except Conflict as error:
            raise Invalid(str(error)) from error
        message = f"{found.doc.get('Title')} was answered with {result}"
        related = [found.id, found.task_id]
        await record(context, connection, "ManualInterventionInterruptionSubmitted", message, related=related, space_id=found.space_id)  # fmt: skip  # noqa: E501
        after = await store.get_interruption(connection, found.id)
    await context.bus.publish(f"task.{found.task_id}")
    return shown_interruption(after, context.caller.user_id)


async def _granted(
    context: OperationContext, connection: AsyncConnection, interruption_id: str, permission: Permission
) -> Interruption:
    """The question, if the caller has the permission for its task."""
    found = await store.get_interruption(connection, interruption_id, context.space_id)
    for each in dict.fromkeys((Permission.INTERRUPTION_VIEW, permission)):
        await require_row(
            context,
            connection,
            server_tasks,
            found.task_id,
            permission=each,
            sight=place_sight(server_tasks),
            is_seen=each is not Permission.INTERRUPTION_VIEW,
        )
    return found


async def _check_team(context: OperationContext, connection: AsyncConnection, found: Interruption) -> None:
    """A question to certain teams is answered by their members, or by an administrator."""
    teams = set(found.doc.get("ResponsibleTeamIds") or ())
    if not teams or context.caller.rights.is_administrator or EVERYONE_TEAM in teams:
        return
    if teams.isdisjoint(await list_team_ids(connection, context.caller.user_id)):
        raise Forbidden(f"This is for members of {', '.join(sorted(teams))} to answer, and you are in none of them.")


def shown_interruption(found: Interruption, user_id: str) -> Json:
    """The question as the API shows it, with its form."""
    own = f"/api/{found.space_id}/interruptions/{found.id}"
    button = "Guidance" if found.type == GUIDED_FAILURE else "Result"
    buttons = [{"Text": choice, "Value": choice, "RequiresConfirmation": False} for choice in _CHOICES[found.type]]
    given = found.answer or {}
    elements = [
        {
            "Name": "Instructions",
            "Control": {"Type": "Paragraph", "Text": found.doc.get("Instructions") or ""},
            "IsValueRequired": False,
        },
        {"Name": "Notes", "Control": {"Type": "TextArea", "Label": "Notes"}, "IsValueRequired": False},
        {"Name": button, "Control": {"Type": "SubmitButtonGroup", "Buttons": buttons}, "IsValueRequired": False},
    ]
    return {
        "Id": found.id,
        "SpaceId": found.space_id,
        "Title": found.doc.get("Title"),
        "Type": found.type,
        "Created": moment(found.created_at),
        "IsPending": found.is_pending,
        "Form": {
            "Values": {"Instructions": None, "Notes": given.get("Notes"), button: given.get("Result")},
            "Elements": elements,
        },
        "RelatedDocumentIds": [found.task_id, *found.doc.get("RelatedDocumentIds", ())],
        "ResponsibleTeamIds": found.doc.get("ResponsibleTeamIds", []),
        "ResponsibleUserId": found.responsible_user_id,
        "CanTakeResponsibility": found.is_pending,
        "HasResponsibility": found.responsible_user_id == user_id,
        "TaskId": found.task_id,
        "CorrelationId": f"{found.task_id}_0/{found.unit}",
        "IsLinkedToOtherInterruption": False,
        "Links": {"Self": own, "Submit": f"{own}/submit", "Responsible": f"{own}/responsible"},
    }


def _result(found: Interruption, members: Members) -> str:
    given = members.text("Guidance") or members.text("Result")
    for choice in _CHOICES[found.type]:
        if choice.lower() == given.lower():
            return choice
    raise Invalid(f"'{given}' is no answer to this. Answer with one of: {', '.join(_CHOICES[found.type])}.")
