"""REST client of a deployment server: for the agent's registration and for our own tools."""

from octavo.client.client import Client
from octavo.client.credentials import Anonymous, ApiKey, BearerToken, Credentials, UserNameAndPassword
from octavo.client.errors import (
    AccessDenied,
    ClientError,
    RequestRefused,
    ResourceMissing,
    ServerFailed,
    ServerUnreachable,
    SpaceMissing,
    UnreadableAnswer,
)
from octavo.client.resources import Resource

__all__ = [
    "AccessDenied",
    "Anonymous",
    "ApiKey",
    "BearerToken",
    "Client",
    "ClientError",
    "Credentials",
    "RequestRefused",
    "Resource",
    "ResourceMissing",
    "ServerFailed",
    "ServerUnreachable",
    "SpaceMissing",
    "UnreadableAnswer",
    "UserNameAndPassword",
]
