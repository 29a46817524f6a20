"""The API as one ASGI application: every router, the error table and the normalisation before them."""

from collections.abc import Iterable
from functools import cache

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from octavo.server.api import (
    artifacts,
    build_information,
    built_in_worker,
    certificates,
    events,
    machines,
    mail_settings,
    packages,
    projects,
    releases,
    roles,
    root,
    runbooks,
    service_accounts,
    tasks,
    tenants,
    users,
    web,
    welcome,
)
from octavo.server.api.dependencies import ApiServices
from octavo.server.api.errors import answer_errors
from octavo.server.api.normalisation import NormaliseRequests
from octavo.server.api.openapi import describe
from octavo.server.api.resource_routes import resource_router
from octavo.server.api.routing import RoutesBySegment
from octavo.server.operations.kinds.all_kinds import ALL_KINDS


def all_routes() -> RoutesBySegment:
    """Every route of the API. Those written by hand come first: `/workers/discover` is not a worker's id."""
    by_hand = (
        root.router,
        welcome.router,
        web.router,
        users.router,
        roles.router,
        service_accounts.router,
        machines.router,
        events.router,
        built_in_worker.router,
        certificates.router,
        mail_settings.router,
        packages.router,
        build_information.router,
        artifacts.router,
        tasks.router,
        projects.router,
        releases.router,
        runbooks.router,
        tenants.router,
    )
    generic: Iterable[APIRouter] = (resource_router(kind) for kind in ALL_KINDS)
    return RoutesBySegment((*by_hand, *generic))


def make_application(services: ApiServices) -> ASGIApp:
    """The application that serves the API."""
    app = FastAPI(title="Octavo", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.services = services
    answer_errors(app)
    routes = all_routes()
    app.router.routes.append(routes)
    app.state.describe = cache(lambda: describe(routes.routes, ALL_KINDS))
    return NormaliseRequests(app, routes.collections)
