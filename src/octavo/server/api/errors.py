"""Errors as answers: one table from our errors to statuses, one shape for all bodies.

A 404 has no `Errors` (the Terraform provider then drops the vanished resource), a 400 must have them.
Source: API conventions, rule 10 and section 9.
"""

import http
import logging

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from octavo.base.errors import (
    AgentUnavailable,
    Conflict,
    Forbidden,
    Invalid,
    NotAuthenticated,
    NotFound,
    OctavoError,
    StoreUnavailable,
)
from octavo.server.api.answers import JsonAnswer
from octavo.server.blobs import BlobsUnavailable
from octavo.server.feeds.feed import FeedUnavailable

log = logging.getLogger(__name__)

#: The first row whose type fits decides.
STATUSES: tuple[tuple[type[OctavoError], int], ...] = (
    (NotFound, 404),
    (Conflict, 409),
    (Invalid, 400),
    (Forbidden, 403),
    (NotAuthenticated, 401),
    (StoreUnavailable, 503),
    (BlobsUnavailable, 503),
    (FeedUnavailable, 503),
    (AgentUnavailable, 503),
)


def answer_errors(app: FastAPI) -> None:
    """Make the application answer every error in this shape."""
    app.add_exception_handler(OctavoError, _of_ours)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(Exception, _of_bug)


def error_answer(status: int, message: str, errors: tuple[str, ...] = ()) -> Response:
    """The body that clients can read."""
    body: dict[str, object] = {"ErrorMessage": message}
    if status != http.HTTPStatus.NOT_FOUND:
        body["Errors"] = list(errors or (message,))
    body |= {"ParsedHelpLinks": [], "HelpText": None, "HelpLink": None, "Details": {}, "FullException": None}
    return JsonAnswer(body, status_code=status)


async def _of_ours(request: Request, error: Exception) -> Response:
    status = next((status for kind, status in STATUSES if isinstance(error, kind)), 500)
    if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("request failed", extra={"path": request.url.path, "status": status, "error": str(error)})
    if isinstance(error, Invalid) and error.errors != (str(error),):
        return error_answer(status, str(error), error.errors)
    if isinstance(error, Invalid | Conflict):
        return error_answer(status, "There was a problem with your request.", (str(error),))
    return error_answer(status, str(error))


async def _of_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == http.HTTPStatus.NOT_FOUND:
        message = f"There is nothing at {request.url.path} on this server."
    elif status == http.HTTPStatus.METHOD_NOT_ALLOWED:
        message = f"{request.method} is not supported at {request.url.path}."
    else:
        message = str(getattr(error, "detail", "")) or http.HTTPStatus(status).phrase
    answer = error_answer(status, message)
    answer.headers.update(getattr(error, "headers", None) or {})
    return answer


async def _of_validation(_: Request, error: Exception) -> Response:
    problems = error.errors() if isinstance(error, RequestValidationError) else ()
    sentences = tuple(f"{'.'.join(str(part) for part in each['loc'][1:])}: {each['msg']}." for each in problems)
    return error_answer(400, "There was a problem with your request.", sentences)


async def _of_bug(request: Request, error: Exception) -> Response:
    log.error("request failed", extra={"path": request.url.path, "method": request.method}, exc_info=error)
    return error_answer(500, "Something went wrong on the server. Its log says what: please tell its administrator.")
