"""Signing in by tokens of other systems: the identities of service accounts, and the token exchange."""

from fastapi import APIRouter, Request, Response

from octavo.base.errors import NotAuthenticated, OctavoError
from octavo.base.sensitive import Sensitive
from octavo.server.api.answers import JsonAnswer, body_of, nothing
from octavo.server.api.dependencies import SystemContext, services_of
from octavo.server.api.paging import window_of
from octavo.server.operations import service_accounts
from octavo.server.operations.requests import Members

router = APIRouter(tags=["serviceaccounts"])

_IDENTITIES = "/api/serviceaccounts/{user_id}/oidcidentities"
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_JWT = "urn:ietf:params:oauth:token-type:jwt"


@router.get("/.well-known/openid-configuration")
async def get_configuration(request: Request) -> Response:
    """Where tokens are exchanged; for everyone."""
    address = _address(request)
    return JsonAnswer({"issuer": address, "token_endpoint": f"{address}/token/v1"})


@router.post("/token/v1")
async def exchange(request: Request) -> Response:
    """Exchange a token of another system for one of ours; for everyone who has one."""
    services = services_of(request)
    try:
        command = Members(await body_of(request))
        if command.text("grant_type") != _EXCHANGE or command.text("subject_token_type") != _JWT:
            raise NotAuthenticated(f"Only JSON web tokens can be exchanged: grant_type {_EXCHANGE}, type {_JWT}.")
        token = Sensitive(command.text("subject_token"))
        account = await service_accounts.account_of_token(
            services.parts, services.issuer_keys, command.text("audience"), token
        )
    except OctavoError as error:
        return JsonAnswer({"error": "invalid_request", "error_description": str(error)}, status_code=400)
    access_token, seconds = await services.authenticator.issue_access_token(account)
    return JsonAnswer(
        {
            "access_token": access_token.reveal(),
            "issued_token_type": _JWT,
            "token_type": "Bearer",
            "expires_in": seconds,
        }
    )


@router.get(f"{_IDENTITIES}/v1")
async def list_identities(user_id: str, request: Request, context: SystemContext) -> Response:
    """By which tokens the account signs in, and what clients call it by."""
    account_id, found = await service_accounts.read_identities(context, user_id)
    window = window_of(request.query_params)
    return JsonAnswer(
        {
            "ServerUrl": _address(request),
            "ExternalId": service_accounts.external_id(services_of(request).installation_id, account_id),
            "OidcIdentities": found[window.skip : window.skip + window.take],
            "Count": len(found),
        }
    )


@router.post(f"{_IDENTITIES}/create/v1")
async def create_identity(user_id: str, request: Request, context: SystemContext) -> Response:
    """Let the account sign in by such tokens."""
    installation_id = services_of(request).installation_id
    made = await service_accounts.create_identity(context, installation_id, user_id, await body_of(request))
    return JsonAnswer(made, status_code=201)


@router.get(f"{_IDENTITIES}/{{identity_id}}/v1")
async def get_identity(user_id: str, identity_id: str, context: SystemContext) -> Response:
    """One of the account's identities."""
    return JsonAnswer(await service_accounts.read_identity(context, user_id, identity_id))


@router.put(f"{_IDENTITIES}/{{identity_id}}/v1")
async def modify_identity(user_id: str, identity_id: str, request: Request, context: SystemContext) -> Response:
    """Replace one of the account's identities."""
    data = await body_of(request)
    return JsonAnswer(await service_accounts.modify_identity(context, user_id, identity_id, data))


@router.delete(f"{_IDENTITIES}/{{identity_id}}/v1")
async def delete_identity(user_id: str, identity_id: str, context: SystemContext) -> Response:
    """Remove one of the account's identities."""
    await service_accounts.delete_identity(context, user_id, identity_id)
    return nothing()


def _address(request: Request) -> str:
    return (services_of(request).external_url or str(request.base_url)).rstrip("/")
