"""Whom we trust: thumbprints, and which of them may fetch the requests of which `poll://` id.

Source: halibut.md §1.2; DESIGN §4.
"""

from collections.abc import Callable

from octavo.halibut.endpoints import canonical_uri
from octavo.halibut.identity import Thumbprint


class Trust:
    """The thumbprints we accept, changed while connections live.

    A thumbprint allowed without a subscription may call us but not subscribe. Revoking closes live connections:
    whoever holds some registers with `when_revoked`.
    """

    def __init__(self) -> None:
        self._subscriptions: dict[Thumbprint, set[str]] = {}
        self._listeners: list[Callable[[Thumbprint], None]] = []

    def allow(self, thumbprint: Thumbprint, subscription: str | None = None) -> None:
        """Trust `thumbprint`; with `subscription` (`poll://id/`) also to fetch that id's requests, which no other may.

        Raises:
            ValueError: `subscription` is no `poll://` URI.
        """
        allowed = self._subscriptions.setdefault(_folded(thumbprint), set())
        if subscription is not None:
            uri = canonical_uri(subscription)
            for others in self._subscriptions.values():
                others.discard(uri)
            allowed.add(uri)

    def revoke(self, thumbprint: Thumbprint) -> None:
        """Trust it no more, for anything; its live connections are closed."""
        if self._subscriptions.pop(_folded(thumbprint), None) is not None:
            for revoked in tuple(self._listeners):
                revoked(_folded(thumbprint))

    def is_trusted(self, thumbprint: Thumbprint) -> bool:
        """Whether it may talk to us."""
        return _folded(thumbprint) in self._subscriptions

    def may_subscribe(self, thumbprint: Thumbprint, subscription: str) -> bool:
        """Whether it may fetch the requests of `subscription`, a canonical `poll://id/`."""
        return subscription in self._subscriptions.get(_folded(thumbprint), ())

    def when_revoked(self, act: Callable[[Thumbprint], None]) -> None:
        """Call `act` with each thumbprint that is revoked from now on."""
        self._listeners.append(act)


def _folded(thumbprint: Thumbprint) -> Thumbprint:
    return Thumbprint(thumbprint.upper())
