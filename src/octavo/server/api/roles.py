"""Which team has which role where; the permissions that there are."""

from fastapi import APIRouter, Request, Response

from octavo.server.api.answers import JsonAnswer, body_of, nothing
from octavo.server.api.dependencies import SystemContext
from octavo.server.api.paging import page, window_of
from octavo.server.domain.permissions import SPACE_PERMISSIONS, SYSTEM_PERMISSIONS, Permission
from octavo.server.operations import scoped_roles
from octavo.server.operations.documents import Json

router = APIRouter(tags=["scopeduserroles"])


@router.get("/api/scopeduserroles")
async def list_page(request: Request, context: SystemContext) -> Response:
    """A page of roles that teams have."""
    return _page(request, await scoped_roles.list_roles(context), "/api/scopeduserroles")


@router.get("/api/scopeduserroles/all")
async def list_all(context: SystemContext) -> Response:
    """All roles that teams have: a bare list."""
    return JsonAnswer(await scoped_roles.list_roles(context))


@router.post("/api/scopeduserroles")
async def create(request: Request, context: SystemContext) -> Response:
    """Give a team a role, in a space or on the whole server, limited or not."""
    return JsonAnswer(await scoped_roles.create_role(context, await body_of(request)), status_code=201)


@router.get("/api/scopeduserroles/{role_id}")
async def get(role_id: str, context: SystemContext) -> Response:
    """One role of a team."""
    return JsonAnswer(await scoped_roles.get_role(context, role_id))


@router.put("/api/scopeduserroles/{role_id}")
async def modify(role_id: str, request: Request, context: SystemContext) -> Response:
    """Change what a team is given."""
    return JsonAnswer(await scoped_roles.modify_role(context, role_id, await body_of(request)))


@router.delete("/api/scopeduserroles/{role_id}")
async def delete(role_id: str, context: SystemContext) -> Response:
    """Take a role away from a team."""
    await scoped_roles.delete_role(context, role_id)
    return nothing()


@router.get("/api/teams/{team_id}/scopeduserroles")
async def list_of_team(team_id: str, request: Request, context: SystemContext) -> Response:
    """The roles of one team."""
    found = await scoped_roles.list_roles(context, team_id=team_id)
    return _page(request, found, f"/api/teams/{team_id}/scopeduserroles")


@router.get("/api/permissions/all")
async def list_permissions(_: SystemContext) -> Response:
    """Every permission, by name, with where it can be granted."""
    return JsonAnswer(
        {
            permission.value: {
                "CanApplyAtSystemLevel": permission in SYSTEM_PERMISSIONS,
                "CanApplyAtSpaceLevel": permission in SPACE_PERMISSIONS,
                "Description": "",
                "SupportedRestrictions": [],
            }
            for permission in Permission
        }
    )


def _page(request: Request, found: list[Json], path: str) -> Response:
    query, window = request.query_params, window_of(request.query_params)
    items = found[window.skip : window.skip + window.take]
    return JsonAnswer(page("ScopedUserRole", items, len(found), window, path=path, filters=query.multi_items()))
