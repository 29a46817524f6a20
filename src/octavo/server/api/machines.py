"""What workers, targets and their pools, environments and policies answer beyond the generic routes."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from octavo.server.api.answers import JsonAnswer
from octavo.server.api.dependencies import SpaceContext
from octavo.server.api.normalisation import decoded_segment
from octavo.server.api.paging import many_of
from octavo.server.api.resource_routes import answer_page
from octavo.server.operations import machines
from octavo.server.operations.documents import defaults_of
from octavo.server.operations.kinds.environments import ENVIRONMENTS, as_environment_v2
from octavo.server.operations.kinds.machine_policies import MachinePolicy
from octavo.server.operations.kinds.machines import MACHINES, WORKERS
from octavo.server.operations.kinds.worker_pools import STATIC, WORKER_POOLS
from octavo.server.operations.resource_kinds import ResourceKind
from octavo.server.operations.resources import ListRequest, get_resource

router = APIRouter(tags=["machines"])


@router.get("/api/workerpools/{key}/workers")
async def list_workers_of_pool(key: str, request: Request, context: SpaceContext) -> Response:
    """The workers in a pool."""
    pool = await get_resource(context, WORKER_POOLS, decoded_segment(key))
    path = f"/api/{context.space_id}/workerpools/{pool['Id']}/workers"
    return await answer_page(request, context, WORKERS, path=path, extra={"workerpoolids": [pool["Id"]]})


@router.get("/api/workerpools/supportedtypes")
async def list_pool_types(_: SpaceContext) -> Response:
    """Only static pools."""
    return JsonAnswer([STATIC])


@router.get("/api/workerpools/dynamicworkertypes")
async def list_dynamic_worker_types(_: SpaceContext) -> Response:
    """None: there are no dynamic pools."""
    return JsonAnswer({"Id": "dynamicworkertypes", "WorkerTypes": [], "Links": {}})


@router.get("/api/workerpools/summary")
async def summarise_pools(request: Request, context: SpaceContext) -> Response:
    """Each pool with the numbers of its workers by health."""
    return JsonAnswer(await machines.summarise_pools(context, _list_request(request)))


@router.get("/api/environments/summary")
async def summarise_environments(request: Request, context: SpaceContext) -> Response:
    """Each environment with the numbers of its targets by health."""
    return JsonAnswer(await machines.summarise_environments(context, _list_request(request)))


@router.get("/api/environments/v2")
async def list_environments_v2(request: Request, context: SpaceContext) -> Response:
    """A page of environments in the newer shape, with their type; all are static."""
    types = many_of(request.query_params.getlist("type"))
    is_none_wanted = bool(types) and "static" not in {each.lower() for each in types}
    path = f"/api/{context.space_id}/environments/v2"
    return await answer_page(
        request, context, ENVIRONMENTS, path=path, shape=as_environment_v2, is_empty=is_none_wanted
    )


@router.get("/api/environments/{key}/machines")
async def list_machines_of_environment(key: str, request: Request, context: SpaceContext) -> Response:
    """The targets in an environment."""
    environment = await get_resource(context, ENVIRONMENTS, decoded_segment(key))
    path = f"/api/{context.space_id}/environments/{environment['Id']}/machines"
    return await answer_page(request, context, MACHINES, path=path, extra={"environmentids": [environment["Id"]]})


@router.get("/api/environments/{key}/singlyScopedVariableDetails")
async def get_singly_scoped_variables(key: str, context: SpaceContext) -> Response:
    """Variables that only this environment has: none yet."""
    await get_resource(context, ENVIRONMENTS, decoded_segment(key))
    return JsonAnswer(
        {
            "HasUnauthorizedProjectVariables": False,
            "HasUnauthorizedLibraryVariableSetVariables": False,
            "VariableMap": {},
        }
    )


@router.get("/api/machinepolicies/template")
async def get_policy_template(_: SpaceContext) -> Response:
    """A policy to start from."""
    return JsonAnswer({"Name": "", "Links": {}, **defaults_of(MachinePolicy)})


@router.get("/api/machineroles/all")
async def list_roles(context: SpaceContext) -> Response:
    """The roles that targets have."""
    return JsonAnswer(await machines.list_values(context, MACHINES, "Roles"))


@router.get("/api/workers/operatingsystem/names/all")
async def list_worker_systems(context: SpaceContext) -> Response:
    """The operating systems of workers."""
    return JsonAnswer(await machines.list_values(context, WORKERS, "OperatingSystem"))


@router.get("/api/workers/operatingsystem/shells/all")
async def list_worker_shells(context: SpaceContext) -> Response:
    """The shells of workers."""
    return JsonAnswer(await machines.list_values(context, WORKERS, "ShellName"))


@router.get("/api/machines/operatingsystem/names/all")
async def list_machine_systems(context: SpaceContext) -> Response:
    """The operating systems of targets."""
    return JsonAnswer(await machines.list_values(context, MACHINES, "OperatingSystem"))


@router.get("/api/machines/operatingsystem/shells/all")
async def list_machine_shells(context: SpaceContext) -> Response:
    """The shells of targets."""
    return JsonAnswer(await machines.list_values(context, MACHINES, "ShellName"))


@router.get("/api/workers/discover")
async def discover_worker(
    context: SpaceContext, host: str, port: Annotated[int, Query(ge=1, le=65535)] = 10933
) -> Response:
    """A worker's draft for a listening agent at this address."""
    return await _discover(context, WORKERS, host, port)


@router.get("/api/machines/discover")
async def discover_machine(
    context: SpaceContext, host: str, port: Annotated[int, Query(ge=1, le=65535)] = 10933
) -> Response:
    """A target's draft for a listening agent at this address."""
    return await _discover(context, MACHINES, host, port)


@router.get("/api/workers/{key}/connection")
async def get_worker_connection(key: str, context: SpaceContext) -> Response:
    """What is known of the connection to a worker."""
    return JsonAnswer(machines.connection_of(await get_resource(context, WORKERS, decoded_segment(key))))


@router.get("/api/machines/{key}/connection")
async def get_machine_connection(key: str, context: SpaceContext) -> Response:
    """What is known of the connection to a target."""
    return JsonAnswer(machines.connection_of(await get_resource(context, MACHINES, decoded_segment(key))))


async def _discover(context: SpaceContext, kind: ResourceKind, host: str, port: int) -> Response:
    return JsonAnswer(await machines.discover(context, kind, host, port))


def _list_request(request: Request) -> ListRequest:
    query = request.query_params
    return ListRequest(many_of(query.getlist("ids")) or None, query.get("partialname"))
