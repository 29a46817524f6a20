"""What can go wrong between a client and a server, sorted by what the reader must do.

ClientError
├── RequestRefused       400, 409: change the request; the message is the server's
├── SpaceMissing         choose another space, or ask for access to it
├── AccessDenied         401, 403: other credentials, or more permissions
├── ResourceMissing      404: it is not there, or not for these eyes
├── ServerFailed         other statuses: the server's operator must look
├── UnreadableAnswer     something answered that is no such server
└── ServerUnreachable    nothing answered: address, network, proxy or certificate

The first two are also `UserError`s: their message alone is enough for a user.
"""

from octavo.base.errors import OctavoError, UserError


class ClientError(OctavoError):
    """The root of what the client raises."""


class RequestRefused(ClientError, UserError):
    """The server says what is wrong with the request."""


class SpaceMissing(ClientError, UserError):
    """The space does not exist, or is not for this user."""


class AccessDenied(ClientError):
    """The credentials are unknown, or do not suffice."""


class ResourceMissing(ClientError):
    """There is no such thing on the server."""


class ServerFailed(ClientError):
    """The server could not do its work; `status` is what it answered."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class UnreadableAnswer(ClientError):
    """The answer lacks what every such server sends."""


class ServerUnreachable(ClientError):
    """No answer at all."""
