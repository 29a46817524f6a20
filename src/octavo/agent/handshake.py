"""Is there a server behind the polling port? Asked before a polling agent is registered.

Source: tentacle-cli §5.1.
"""

import ssl

from octavo.base.errors import OctavoError

_TRIES = 5
_TIMEOUT_SECONDS = 60
_ACCEPTED = (200, 400)


class PollingPortUnreachable(OctavoError):
    """Nothing that a polling agent could talk to answers there."""


def check_polling_port(address: str, proxy: str | None = None, *, use_system_proxy: bool = True) -> None:
    """Ask once over TLS, without a certificate and without looking at the server's.

    Raises:
        PollingPortUnreachable: no acceptable answer in five tries.
    """
    import httpx

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nobody is trusted here: the thumbprint is checked when polling begins
    reason = ""
    with httpx.Client(
        verify=context, proxy=proxy, trust_env=use_system_proxy and proxy is None, timeout=_TIMEOUT_SECONDS
    ) as http:
        for _ in range(_TRIES):
            try:
                response = http.post(f"{address}/handshake", content=b"")
            except (httpx.HTTPError, OSError) as error:
                reason = str(error) or type(error).__name__
                continue
            if response.status_code in _ACCEPTED:
                return
            reason = f"status {response.status_code}"
    raise PollingPortUnreachable(
        f"The polling port {address} does not answer as an Octopus Server's would: {reason}. Is the port right "
        "(--server-comms-port), does the server listen for polling agents, and do firewalls let TLS through?"
    )
