"""How a client shows who it is."""

from dataclasses import dataclass

from octavo.base.sensitive import Sensitive


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Nobody in particular."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of the form `API-…`."""

    key: Sensitive


@dataclass(frozen=True, slots=True)
class BearerToken:
    """A short-lived access token."""

    token: Sensitive


@dataclass(frozen=True, slots=True)
class UserNameAndPassword:
    """A person's log-in; the client keeps the session's cookies."""

    user_name: str
    password: Sensitive


Credentials = Anonymous | ApiKey | BearerToken | UserNameAndPassword
