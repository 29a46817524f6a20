"""Who is in which team: the team's own list and the table behind it, always together."""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.server.domain.roles import ADMINISTRATORS_TEAM
from octavo.server.operations.context import OperationContext
from octavo.server.store.resources import get_document, update_document
from octavo.server.store.rights import replace_members
from octavo.server.store.schema import teams


async def change_membership(
    context: OperationContext, connection: AsyncConnection, team_id: str, user_id: str, *, is_member: bool
) -> None:
    """Put a user into a team, or take them out; no matter if it was so already.

    Raises:
        NotFound: there is no such team or user.
        Invalid: nobody would be left to administer the server.
    """
    team = await get_document(connection, teams, team_id)
    others = [each for each in team.doc.get("MemberUserIds", ()) if each != user_id]
    members = [*others, user_id] if is_member else others
    if team_id == ADMINISTRATORS_TEAM and not members:
        raise Invalid("Somebody must be left who may do everything. Keep at least one administrator.")
    await replace_members(connection, team_id, members)
    changed = replace(
        team,
        doc={**team.doc, "MemberUserIds": members},
        last_modified_on=context.clock.now(),
        last_modified_by=context.caller.username,
    )
    await update_document(connection, teams, changed)
