"""Users, their API keys, and signing in with a password."""

from fastapi import APIRouter, Request, Response

from octavo.base.sensitive import Sensitive
from octavo.server.api.answers import JsonAnswer, body_of, nothing
from octavo.server.api.dependencies import SystemContext, current_caller, services_of, session_token
from octavo.server.api.paging import many_of, page, window_of
from octavo.server.operations import scoped_roles, users
from octavo.server.operations.authentication import SESSION_LIFE
from octavo.server.operations.documents import Document, parse

router = APIRouter(tags=["users"])


class SignIn(Document):
    """Who one says one is."""

    username: str
    password: str = ""


@router.post("/api/users/login")
async def sign_in(request: Request) -> Response:
    """Start a session: one cookie that scripts cannot read, and one that requests repeat in a header."""
    services = services_of(request)
    wanted = parse(SignIn, await body_of(request))
    signed_in = await services.authenticator.sign_in(wanted.username, Sensitive(wanted.password))
    answer = JsonAnswer({"Id": signed_in.user.id, "Username": signed_in.user.username})
    is_secure = request.url.scheme == "https" or (services.external_url or "").startswith("https:")
    for name, value, is_hidden in (
        (services.session_cookie, signed_in.token.reveal(), True),
        (services.csrf_cookie, signed_in.csrf_token, False),
    ):
        answer.set_cookie(
            name,
            value,
            max_age=int(SESSION_LIFE.total_seconds()),
            path="/",
            httponly=is_hidden,
            secure=is_secure,
            samesite="lax",
        )
    return answer


@router.post("/api/users/logout")
async def sign_out(request: Request) -> Response:
    """End the session, if there is one."""
    services, token = services_of(request), session_token(request)
    if token:
        await current_caller(request)
        await services.authenticator.sign_out(token)
    answer = nothing()
    answer.delete_cookie(services.session_cookie, path="/")
    answer.delete_cookie(services.csrf_cookie, path="/")
    return answer


@router.get("/api/users/me")
async def get_me(context: SystemContext) -> Response:
    """Who asks."""
    return JsonAnswer(await users.get_user_resource(context, context.caller.user_id))


@router.get("/api/users")
async def list_page(request: Request, context: SystemContext) -> Response:
    """A page of users."""
    query, window = request.query_params, window_of(request.query_params)
    found = await users.find_users(context, query.get("filter", ""), many_of(query.getlist("ids")))
    items = found[window.skip : window.skip + window.take]
    return JsonAnswer(page("User", items, len(found), window, path="/api/users", filters=query.multi_items()))


@router.get("/api/users/all")
async def list_all(request: Request, context: SystemContext) -> Response:
    """All users."""
    return JsonAnswer(await users.find_users(context, ids=many_of(request.query_params.getlist("ids"))))


@router.post("/api/users")
async def create(request: Request, context: SystemContext) -> Response:
    """A new user."""
    passwords = services_of(request).passwords
    return JsonAnswer(await users.create_user(context, passwords, await body_of(request)), status_code=201)


@router.get("/api/users/{user_id}")
async def get(user_id: str, context: SystemContext) -> Response:
    """One user."""
    return JsonAnswer(await users.get_user_resource(context, user_id))


@router.put("/api/users/{user_id}")
async def modify(user_id: str, request: Request, context: SystemContext) -> Response:
    """Replace a user."""
    services = services_of(request)
    result = await users.modify_user(context, services.passwords, user_id, await body_of(request))
    services.authenticator.forget_keys()
    return JsonAnswer(result)


@router.delete("/api/users/{user_id}")
async def delete(user_id: str, request: Request, context: SystemContext) -> Response:
    """Remove a user."""
    await users.remove_user(context, user_id)
    services_of(request).authenticator.forget_keys()
    return nothing()


@router.get("/api/users/{user_id}/spaces")
async def list_spaces(user_id: str, context: SystemContext) -> Response:
    """The spaces that the user may use: a bare list."""
    return JsonAnswer(await users.spaces_of_user(context, user_id))


@router.get("/api/users/{user_id}/teams")
async def list_teams(user_id: str, context: SystemContext) -> Response:
    """The user's teams: a bare list."""
    return JsonAnswer(await scoped_roles.teams_of_user(context, user_id))


@router.get("/api/users/{user_id}/permissions")
async def list_permissions(user_id: str, context: SystemContext) -> Response:
    """All that the user may do, by permission, with its limits."""
    return JsonAnswer(await scoped_roles.permissions_of_user(context, user_id))


@router.get("/api/users/{user_id}/permissions/configuration")
async def list_permissions_to_configure(user_id: str, context: SystemContext) -> Response:
    """The same."""
    return JsonAnswer(await scoped_roles.permissions_of_user(context, user_id))


@router.get("/api/users/{user_id}/apikeys")
async def list_keys(user_id: str, request: Request, context: SystemContext) -> Response:
    """A page of the user's keys, masked."""
    query, window = request.query_params, window_of(request.query_params)
    keys = await users.list_keys(context, user_id)
    items = keys[window.skip : window.skip + window.take]
    return JsonAnswer(
        page("ApiKey", items, len(keys), window, path=f"/api/users/{user_id}/apikeys", filters=query.multi_items())
    )


@router.post("/api/users/{user_id}/apikeys")
async def create_key(user_id: str, request: Request, context: SystemContext) -> Response:
    """A new key, shown this once."""
    return JsonAnswer(await users.create_api_key(context, user_id, await body_of(request)), status_code=201)


@router.get("/api/users/{user_id}/apikeys/{key_id}")
async def get_key(user_id: str, key_id: str, context: SystemContext) -> Response:
    """One key, masked."""
    return JsonAnswer(await users.get_key(context, user_id, key_id))


@router.delete("/api/users/{user_id}/apikeys/{key_id}")
async def revoke_key(user_id: str, key_id: str, request: Request, context: SystemContext) -> Response:
    """Make a key worthless, at once on this node."""
    await users.revoke_key(context, user_id, key_id)
    services_of(request).authenticator.forget_keys()
    return nothing()
