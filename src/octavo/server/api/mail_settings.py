"""Through which mail server e-mails of deployments go."""

from fastapi import APIRouter, Request, Response

from octavo.server.api.answers import JsonAnswer, body_of
from octavo.server.api.dependencies import SystemContext
from octavo.server.operations import mail_settings

router = APIRouter(tags=["configuration"])


@router.get("/api/smtpconfiguration")
async def get(context: SystemContext) -> Response:
    """The mail settings, without the password."""
    return JsonAnswer(await mail_settings.read_mail_settings(context))


@router.put("/api/smtpconfiguration")
async def modify(request: Request, context: SystemContext) -> Response:
    """Replace the mail settings; a password that is not given stays."""
    return JsonAnswer(await mail_settings.modify_mail_settings(context, await body_of(request)))


@router.get("/api/smtpconfiguration/isconfigured")
async def is_configured(context: SystemContext) -> Response:
    """Whether e-mails can be sent."""
    return JsonAnswer({"IsConfigured": bool((await mail_settings.read_mail_settings(context))["SmtpHost"])})
