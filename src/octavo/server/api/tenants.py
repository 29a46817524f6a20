"""Routes of tenants beyond the generic ones. Source: endpoints.md §10."""

from fastapi import APIRouter, Request, Response

from octavo.server.api.answers import JsonAnswer, body_of
from octavo.server.api.dependencies import SpaceContext
from octavo.server.api.normalisation import decoded_segment
from octavo.server.api.paging import many_of
from octavo.server.operations.context import OperationContext
from octavo.server.operations.kinds.tenants import TENANTS
from octavo.server.operations.resources import create_resource, get_resource
from octavo.server.operations.tenant_variables import (
    list_missing,
    match_tags,
    modify_scoped_variables,
    modify_tenant_variables,
    read_all_tenant_variables,
    read_scoped_variables,
    read_tenant_variables,
)

router = APIRouter(tags=["tenants"])


@router.post("/api/tenants")
async def create_tenant(request: Request, context: SpaceContext) -> Response:
    """Make a tenant; `?clone=` gives it another one's tags and projects."""
    source, body = request.query_params.get("clone"), await body_of(request)
    if source and isinstance(body, dict):
        model = await get_resource(context, TENANTS, source)
        copied = {name: model[name] for name in ("TenantTags", "ProjectEnvironments")}
        body = {**copied, **body, "ClonedFromTenantId": model["Id"]}
    return JsonAnswer(await create_resource(context, TENANTS, body), status_code=201)


@router.get("/api/tenants/status")
async def get_status(_: SpaceContext) -> Response:
    """Tenants can be used."""
    return JsonAnswer({"Enabled": True})


@router.get("/api/tenants/tag-test")
async def get_tag_test(request: Request, context: SpaceContext) -> Response:
    """Which tenants have one of the tags of each set."""
    query = request.query_params
    tenant_ids, tags = many_of(query.getlist("tenantids")), many_of(query.getlist("tags"))
    return JsonAnswer(await match_tags(context, tenant_ids, tags))


@router.get("/api/tenants/variables-missing")
async def get_missing(request: Request, context: SpaceContext) -> Response:
    """The values that tenants have not given, as a bare list."""
    query = request.query_params
    return JsonAnswer(
        await list_missing(context, query.get("tenantid"), query.get("projectid"), query.get("environmentid"))
    )


@router.get("/api/tenantvariables/all")
async def list_tenant_variables(request: Request, context: SpaceContext) -> Response:
    """The values of every tenant, or of a project's."""
    return JsonAnswer(await read_all_tenant_variables(context, request.query_params.get("projectid")))


@router.get("/api/tenants/{key}/variables")
async def get_variables(key: str, context: SpaceContext) -> Response:
    """The tenant's templates and values."""
    return JsonAnswer(await read_tenant_variables(context, await _tenant_id(context, key)))


@router.put("/api/tenants/{key}/variables")
async def put_variables(key: str, request: Request, context: SpaceContext) -> Response:
    """Store the tenant's values."""
    tenant_id = await _tenant_id(context, key)
    return JsonAnswer(await modify_tenant_variables(context, tenant_id, await body_of(request)))


@router.post("/api/tenants/{key}/variables")
async def post_variables(key: str, request: Request, context: SpaceContext) -> Response:
    """Store the tenant's values: the Go client's way."""
    return await put_variables(key, request, context)


@router.get("/api/tenants/{key}/commonvariables")
async def get_common(key: str, context: SpaceContext) -> Response:
    """The tenant's values of library templates, one by one."""
    return JsonAnswer(await read_scoped_variables(context, await _tenant_id(context, key), of_projects=False))


@router.put("/api/tenants/{key}/commonvariables")
async def put_common(key: str, request: Request, context: SpaceContext) -> Response:
    """Store the tenant's values of library templates."""
    tenant_id, body = await _tenant_id(context, key), await body_of(request)
    return JsonAnswer(await modify_scoped_variables(context, tenant_id, body, of_projects=False))


@router.get("/api/tenants/{key}/projectvariables")
async def get_project(key: str, context: SpaceContext) -> Response:
    """The tenant's values of project templates, one by one."""
    return JsonAnswer(await read_scoped_variables(context, await _tenant_id(context, key), of_projects=True))


@router.put("/api/tenants/{key}/projectvariables")
async def put_project(key: str, request: Request, context: SpaceContext) -> Response:
    """Store the tenant's values of project templates."""
    tenant_id, body = await _tenant_id(context, key), await body_of(request)
    return JsonAnswer(await modify_scoped_variables(context, tenant_id, body, of_projects=True))


async def _tenant_id(context: OperationContext, key: str) -> str:
    return str((await get_resource(context, TENANTS, decoded_segment(key)))["Id"])
