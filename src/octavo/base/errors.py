"""The errors a user can meet, sorted by what the reader must do.

OctavoError
├── UserError               tell the user: what, which, likely cause, what to do
│   ├── NotFound            it is not there, or not for this user's eyes
│   ├── Conflict            it is there already, or has changed meanwhile
│   ├── Invalid             the request cannot be right; `errors` lists every reason
│   ├── Forbidden           the user lacks a permission, named in the message
│   └── NotAuthenticated    we do not know who asks
├── ConfigurationError      the operator must change a setting, a folder or a port
├── StoreUnavailable        the database is full, locked or away; a later try may succeed
└── AgentUnavailable        the machine does not answer; a later try may succeed

The wire has its own tree (`octavo.halibut.errors`): it is a library and uses nothing of ours.
"""

from collections.abc import Sequence


class OctavoError(Exception):
    """The root of every error that Octavo raises on purpose."""


class UserError(OctavoError):
    """Something to tell the user; the message is written for people."""


class NotFound(UserError):
    """What was asked for does not exist, or not in this space."""


class Conflict(UserError):
    """It exists already, or was changed by somebody else in the meantime."""


class Invalid(UserError):
    """The request cannot be right. `errors` holds one sentence a reason."""

    def __init__(self, message: str, errors: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.errors = tuple(errors) or (message,)


class Forbidden(UserError):
    """The user may not do this; the message names the permission."""


class NotAuthenticated(UserError):
    """No credentials, or credentials that we do not know."""


class ConfigurationError(OctavoError):
    """The operator must change something before Octavo can run."""


class AgentUnavailable(OctavoError):
    """A machine does not answer now; trying again later may succeed."""


class StoreUnavailable(OctavoError):
    """The database cannot serve now (full disk, locked, not reachable); trying again later may succeed."""
