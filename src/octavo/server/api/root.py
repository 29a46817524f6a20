"""The root documents, and what clients ask a server about itself."""

from fastapi import APIRouter, Request, Response

from octavo import __version__
from octavo.server.api.answers import JsonAnswer
from octavo.server.api.dependencies import SystemContext, current_caller, current_context, find_caller, services_of
from octavo.server.api.links import server_links, space_links
from octavo.server.api.normalisation import SPACE_KEY
from octavo.server.api.paging import Window, page

router = APIRouter()

#: What clients compare with their minimum: a level of compatibility, not our version (conventions, section 10).
COMPATIBILITY_VERSION = "2026.3.1000"
API_VERSION = "3.0.0"

CAPABILITIES = ("GetAllSpacesRequest",)
CERTIFICATE_ID = "certificate-global"


@router.get("/api")
async def get_root(request: Request) -> Response:
    """`GET /api`, for everyone (though a wrong key is refused); `GET /api/{space}`, for who is signed in."""
    services = services_of(request)
    space = request.scope.get(SPACE_KEY)
    if space:
        context = await current_context(request, await current_caller(request))
        return JsonAnswer({"Links": space_links(context.space_id)})
    await find_caller(request)
    return JsonAnswer(
        {
            "Application": "Octavo",
            "Version": COMPATIBILITY_VERSION,
            "ApiVersion": API_VERSION,
            "ProductVersion": __version__,
            "InstallationId": services.installation_id,
            "IsEarlyAccessProgram": False,
            "HasLongTermSupport": False,
            "Links": server_links(await services.spaces.find(None)),
        }
    )


@router.get("/api/openapi.json")
async def get_description(request: Request) -> Response:
    """All of this for machines: OpenAPI 3.1. For everyone."""
    return JsonAnswer(request.app.state.describe())


@router.get("/api/capabilities")
async def get_capabilities() -> Response:
    """What newer requests this server knows, by name."""
    return JsonAnswer({"Capabilities": list(CAPABILITIES)})


@router.get("/api/configuration/feature-toggles")
async def get_feature_toggles(_: SystemContext) -> Response:
    """None: clients then use the established endpoints."""
    return JsonAnswer({"FeatureToggles": []})


@router.get("/api/configuration/certificates")
async def list_certificates(request: Request, _: SystemContext) -> Response:
    """The server's one certificate, as a list."""
    path = "/api/configuration/certificates"
    return JsonAnswer(page("CertificateConfiguration", [_certificate(request)], 1, Window(), path=path))


@router.get(f"/api/configuration/certificates/{CERTIFICATE_ID}")
async def get_certificate(request: Request, _: SystemContext) -> Response:
    """The certificate that agents are told to trust. Whoever may register a machine may read it."""
    return JsonAnswer(_certificate(request))


@router.get("/api/serverstatus")
async def get_server_status(_: SystemContext) -> Response:
    """How the server is."""
    return JsonAnswer(
        {
            "Id": "serverstatus",
            "IsInMaintenanceMode": False,
            "IsUpgradeAvailable": False,
            "IsMajorMinorUpgrade": False,
            "MaximumAvailableVersion": None,
            "MaintenanceExpires": None,
            "Messages": [],
            "Links": {"Self": "/api/serverstatus", "Health": "/api/serverstatus/health"},
        }
    )


@router.get("/api/serverstatus/health")
async def get_server_health(request: Request) -> Response:
    """For load balancers: 200 when the store answers, else 503."""
    async with services_of(request).parts.store.reading():
        pass
    return JsonAnswer(
        {
            "Description": "The server is operating normally.",
            "IsOperatingNormally": True,
            "IsEntireClusterReadOnly": False,
            "IsEntireClusterDrainingTasks": False,
            "IsCompliantWithLicense": True,
            "Links": {"Self": "/api/serverstatus/health"},
        }
    )


def _certificate(request: Request) -> dict[str, object]:
    return {
        "Id": CERTIFICATE_ID,
        "Name": "OctopusServer",
        "Thumbprint": services_of(request).identity.thumbprint,
        "SignatureAlgorithm": "sha256RSA",
        "Links": {"Self": f"/api/configuration/certificates/{CERTIFICATE_ID}"},
    }
