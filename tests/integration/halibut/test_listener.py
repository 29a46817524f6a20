"""Our listener before strangers, browsers, old certificates and trusted peers, over real TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from fakes.halibut_peers import ECHO, Echo, RawPeer, identity
from octavo.halibut import (
    Endpoint,
    FriendlyPage,
    Identity,
    Limits,
    Listener,
    NotDelivered,
    Runtime,
    Thumbprint,
    Trust,
)

PREAMBLE = b"MX\r\n\r\n"
CLIENT = b"MX-CLIENT 1.0\r\n\r\n"
SERVER = b"MX-SERVER 1.0\r\n\r\n"


class Place:
    """An agent that listens and remembers whom it refused."""

    def __init__(self, runtime: Runtime, listener: Listener, refused: "asyncio.Queue[Thumbprint | None]") -> None:
        self.runtime = runtime
        self.listener = listener
        self.refused = refused

    @property
    def port(self) -> int:
        return self.listener.port


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """An agent that trusts the identity "server"."""
    refused: asyncio.Queue[Thumbprint | None] = asyncio.Queue()
    async with Runtime(
        identity("agent"),
        spool=tmp_path,
        limits=Limits(stranger_seconds=15, strangers=4),
        on_refused=lambda _, thumbprint: refused.put_nowait(thumbprint),
    ) as runtime:
        runtime.trust.allow(identity("server").thumbprint)
        runtime.offer(ECHO, Echo())
        yield Place(runtime, await runtime.listen("127.0.0.1", 0, accept="client"), refused)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("name", ["plain", "expired", "critical-aki"])
async def test_any_certificate_is_accepted_by_tls_and_known_by_its_thumbprint(
    place: Place, name: str, version: ssl.TLSVersion
) -> None:
    """halibut 2."""
    builders: dict[str, Callable[[str], Identity]] = {
        "plain": identity,
        "expired": expired_identity,
        "critical-aki": critical_aki_identity,
    }
    shown = builders[name]("odd")
    place.runtime.trust.allow(shown.thumbprint)

    with await RawPeer.dial(place.port, shown, version=version) as peer:
        await peer.write(PREAMBLE + CLIENT)

        assert await peer.read() == SERVER
        assert peer.peer_thumbprint == identity("agent").thumbprint


async def test_a_sha1_signed_certificate_is_accepted(place: Place) -> None:
    """halibut 2: as Windows Tentacles of long ago made them."""
    shown = sha1_identity()
    place.runtime.trust.allow(shown.thumbprint)

    with await RawPeer.dial(place.port, shown, version=ssl.TLSVersion.TLSv1_2) as peer:
        await peer.write(PREAMBLE + CLIENT)

        assert await peer.read() == SERVER


@pytest.mark.parametrize(
    "said", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /handshake HTTP/1.1\r\n\r\n{}", b"HELLO\n\n"]
)
async def test_a_browser_without_certificate_sees_a_page(place: Place, said: bytes) -> None:
    """halibut 3: CRLF lines, then the connection is closed. Registration probes with POST /handshake."""
    with await RawPeer.dial(place.port, None) as peer:
        await peer.write(said)

        assert await peer.read_all() == FriendlyPage().encode()


async def test_mx_without_a_certificate_is_closed_without_a_word(place: Place) -> None:
    """halibut 4."""
    with await RawPeer.dial(place.port, None) as peer:
        await peer.write(PREAMBLE + CLIENT)

        assert await peer.read_all() == b""
    assert await place.refused.get() is None


@pytest.mark.parametrize("identity_line", [CLIENT, b"nonsense\r\n\r\n", b""])
async def test_an_untrusted_peer_is_closed_without_a_word_and_reported(place: Place, identity_line: bytes) -> None:
    """halibut 4: nothing behind its preamble is read."""
    with await RawPeer.dial(place.port, identity("stranger")) as peer:
        await peer.write(PREAMBLE + identity_line)

        assert await peer.read_all() == b""
    assert await place.refused.get() == identity("stranger").thumbprint


@pytest.mark.parametrize(
    "line",
    [b"\r\n\r\n", b"MX-CLIENT 1.0\r\nx\r\n", b"MX-WHAT 1.0\r\n\r\n", b"MX-SUBSCRIBER 1.0\r\n\r\n",
     b"MX-SUBSCRIBER 1.0 no-uri\r\n\r\n", b"MX-SUBSCRIBER 1.0 poll://x/\r\n\r\n", b"MX-SERVER 1.0\r\n\r\n"],
)  # fmt: skip
async def test_a_trusted_peer_with_a_bad_or_useless_identity_is_closed(place: Place, line: bytes) -> None:
    """halibut 6."""
    with await RawPeer.dial(place.port, identity("server")) as peer:
        await peer.write(PREAMBLE)
        await peer.write(line)

        assert await peer.read_all() == b""


async def test_the_identity_may_come_later_and_any_version_will_do(place: Place) -> None:
    """halibut 1 and 7: both newlines; our own identity is one write."""
    with await RawPeer.dial(place.port, identity("server")) as peer:
        for piece in (b"MX\n", b"\n", b"MX-CLIENT 2.7", b" extra\r\n", b"\r\n"):
            await peer.write(piece)

        assert await peer.read() == SERVER


async def test_revoking_trust_closes_live_connections(place: Place) -> None:
    """halibut 8."""
    with await RawPeer.dial(place.port, identity("server")) as peer:
        await peer.write(PREAMBLE + CLIENT)
        assert await peer.read() == SERVER

        place.runtime.trust.revoke(identity("server").thumbprint)

        assert await peer.read_all() == b""


async def test_strangers_push_out_the_oldest_stranger_but_no_guest(place: Place) -> None:
    with await RawPeer.dial(place.port, identity("server")) as guest:
        await guest.write(PREAMBLE + CLIENT)
        assert await guest.read() == SERVER

        strangers = [await RawPeer.dial(place.port, None) for _ in range(5)]

        assert await strangers[0].read_all() == b""
        await strangers[4].write(b"GET /\r\n\r\n")
        assert await strangers[4].read_all() == FriendlyPage().encode()
        await guest.write(b"END\r\n")
        assert await guest.read_all() == b""
        for stranger in strangers:
            stranger.close()


async def test_a_stranger_who_dawdles_is_closed(tmp_path: Path) -> None:
    limits = Limits(stranger_seconds=0.2)
    async with Runtime(identity("agent"), spool=tmp_path, limits=limits) as runtime:
        listener = await runtime.listen("127.0.0.1", 0, accept="client")

        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)  # no TLS at all
        with await RawPeer.dial(listener.port, None) as peer:
            await peer.write(b"M")

            assert await peer.read_all() == b""
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_plain_http_and_noise_are_closed(place: Place) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", place.port)

    writer.write(b"GET / HTTP/1.1\r\n\r\n")

    assert not (await reader.read()).startswith(b"HTTP")  # a TLS alert at most
    writer.close()
    await writer.wait_closed()


async def test_a_page_has_the_html_and_headers_of_its_owner(tmp_path: Path) -> None:
    page = FriendlyPage("<html>Hi</html>", {"X-Frame-Options": "DENY"})
    async with Runtime(identity("agent"), spool=tmp_path, trust=Trust()) as runtime:
        listener = await runtime.listen("127.0.0.1", 0, accept="subscriber", page=page)

        with await RawPeer.dial(listener.port, None) as peer:
            await peer.write(b"GET /\r\n\r\n")

            assert b"\r\nX-Frame-Options: DENY\r\n\r\n<html>Hi</html>\r\n\r\n" in await peer.read_all()


async def test_leaving_the_runtime_closes_the_port(tmp_path: Path) -> None:
    async with Runtime(identity("agent"), spool=tmp_path) as runtime:
        listener = await runtime.listen("127.0.0.1", 0, accept="client")
        port = listener.port

    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_caller_that_is_not_trusted_learns_its_own_thumbprint(place: Place, tmp_path: Path) -> None:
    limits = Limits(connect_attempts=1)
    async with Runtime(identity("stranger"), spool=tmp_path / "caller", limits=limits) as caller:
        stub = caller.call(ECHO, Endpoint(f"https://127.0.0.1:{place.port}/", identity("agent").thumbprint))

        with pytest.raises(NotDelivered, match=identity("stranger").thumbprint):
            await stub.say_hello("x")


def expired_identity(name: str) -> Identity:
    return special_identity(name, last_day=datetime.now(UTC) - timedelta(days=1))


def critical_aki_identity(name: str) -> Identity:
    return special_identity(name, is_critical_aki=True)


def special_identity(name: str, *, last_day: datetime | None = None, is_critical_aki: bool = False) -> Identity:
    key = rsa.generate_private_key(65_537, 2_048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    last_day = last_day or datetime.now(UTC) + timedelta(days=9)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(last_day - timedelta(days=10)).not_valid_after(last_day)
    if is_critical_aki:
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
        builder = builder.add_extension(authority, critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    return Identity(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def sha1_identity() -> Identity:
    """Made once with `openssl req -x509 -sha1`: today's libraries refuse to sign so."""
    folder = Path(__file__).parent
    return Identity(folder.joinpath("sha1_certificate.pem").read_bytes(), folder.joinpath("sha1_key.pem").read_bytes())
