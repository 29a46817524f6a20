"""TLS over asyncio's plain transports: one byte pump, two engines.

Listeners must ask for client certificates that no CA signed, which Python's `ssl` cannot; they use pyOpenSSL. Diallers
use `ssl`. Both are driven through memory BIOs by `TlsConnection`, because asyncio's own TLS keeps a read buffer of
256 KiB for each connection and hides where one TLS record ends: ours shares one buffer among all connections, and
writes each item as a record of its own. Source: halibut.md §1, §0 rule 3; docs/decisions/0010-tls-pump.md.
"""

import asyncio
import ssl
import tempfile
from collections import deque
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL, crypto

from octavo.halibut.errors import HalibutError
from octavo.halibut.identity import Identity, Thumbprint, thumbprint_of

RECORD_BYTES = 16 * 1024  # the most a TLS record holds
READ_BYTES = 256 * 1024
_ANCIENT_CIPHERS = b"DEFAULT:@SECLEVEL=0"  # old agents show SHA-1 signed certificates; trust is by thumbprint alone


class ConnectionLost(HalibutError):
    """The connection is gone: ended by the peer, by us, or by the network."""


class TlsEngine(Protocol):
    """TLS without a socket. Every method but `feed` may leave bytes for the peer in `pending_output`."""

    def handshake(self) -> bool: ...

    def feed(self, ciphertext: memoryview) -> None: ...

    def read(self) -> bytes | None: ...

    def write(self, plaintext: bytes | memoryview) -> None: ...

    def pending_output(self) -> bytes: ...

    def peer_certificate(self) -> bytes | None: ...


class ListenerTls:
    """The accepting side: asks for a certificate, takes any or none."""

    def __init__(self, identity: Identity) -> None:
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.set_cipher_list(_ANCIENT_CIPHERS)
        context.use_certificate(x509.load_pem_x509_certificate(identity.certificate_pem))
        context.use_privatekey(_private_key(identity))
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_session_id(b"halibut")
        context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION | SSL.OP_IGNORE_UNEXPECTED_EOF)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        self._context = context

    def engine(self) -> TlsEngine:
        """An engine for one connection."""
        return _OpenSslEngine(self._context)


class DiallerTls:
    """The connecting side: shows our certificate, takes any; the caller compares thumbprints before it speaks."""

    def __init__(self, identity: Identity, folder: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(_ANCIENT_CIPHERS.decode())
        context.options |= getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
        with tempfile.NamedTemporaryFile(dir=folder, suffix=".pem") as pem:  # `ssl` loads keys from files only
            pem.write(identity.certificate_pem + b"\n" + identity.private_key_pem)
            pem.flush()
            context.load_cert_chain(pem.name)
        self._context = context

    def engine(self, host: str) -> TlsEngine:
        """An engine for one connection; `host` is announced as SNI unless it is an IP address."""
        return _SslEngine(self._context, host)


def _private_key(identity: Identity) -> RSAPrivateKey | EllipticCurvePrivateKey:
    key = load_pem_private_key(identity.private_key_pem, password=None)
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise TypeError(f"An identity needs an RSA or elliptic curve key, not {type(key).__name__}.")
    return key


class _OpenSslEngine:
    def __init__(self, context: SSL.Context) -> None:
        self._connection = SSL.Connection(context, None)
        self._connection.set_accept_state()

    def handshake(self) -> bool:
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as error:
            raise ConnectionLost(f"TLS handshake failed: {error}") from error
        return True

    def feed(self, ciphertext: memoryview) -> None:
        self._connection.bio_write(ciphertext)

    def read(self) -> bytes | None:
        try:
            return self._connection.recv(RECORD_BYTES)
        except SSL.WantReadError:
            return None
        except (SSL.ZeroReturnError, SSL.SysCallError):
            return b""
        except SSL.Error as error:
            raise ConnectionLost(f"TLS failed: {error}") from error

    def write(self, plaintext: bytes | memoryview) -> None:
        try:
            self._connection.sendall(plaintext)
        except SSL.Error as error:
            raise ConnectionLost(f"TLS failed: {error}") from error

    def pending_output(self) -> bytes:
        try:
            return self._connection.bio_read(2 * READ_BYTES)
        except SSL.WantReadError:
            return b""

    def peer_certificate(self) -> bytes | None:
        certificate = self._connection.get_peer_certificate()
        return None if certificate is None else crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)


class _SslEngine:
    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    def handshake(self) -> bool:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except (ssl.SSLError, OSError) as error:
            raise ConnectionLost(f"TLS handshake failed: {error}") from error
        return True

    def feed(self, ciphertext: memoryview) -> None:
        self._incoming.write(ciphertext)

    def read(self) -> bytes | None:
        try:
            return self._object.read(RECORD_BYTES)
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        except (ssl.SSLError, OSError) as error:
            raise ConnectionLost(f"TLS failed: {error}") from error

    def write(self, plaintext: bytes | memoryview) -> None:
        try:
            self._object.write(plaintext)
        except (ssl.SSLError, OSError) as error:
            raise ConnectionLost(f"TLS failed: {error}") from error

    def pending_output(self) -> bytes:
        return self._outgoing.read()

    def peer_certificate(self) -> bytes | None:
        return self._object.getpeercert(binary_form=True)


class TlsConnection(asyncio.BufferedProtocol):
    """A byte stream over TLS: `await handshake()`, then `read`, `write` and `drain` until `abort`.

    One task may read while another writes. Cancelling any of them loses no bytes. `read_buffer` is shared: its
    content never outlives a callback.
    """

    def __init__(self, engine: TlsEngine, read_buffer: memoryview) -> None:
        self._engine = engine
        self._read_buffer = read_buffer
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._is_handshaken = False
        self._is_ended = False
        self._error: Exception | None = None
        self._plaintext: deque[bytes] = deque()
        self._plaintext_bytes = 0
        self._is_reading_paused = False
        self._is_writing_paused = False
        self._waiting_reader: asyncio.Future[None] | None = None
        self._waiting_writer: asyncio.Future[None] | None = None
        self._when_lost: asyncio.Future[None] = self._loop.create_future()

    # --- for the one who uses it --------------------------------------------------------------------------------------

    async def handshake(self) -> None:
        """Wait until TLS stands.

        Raises:
            ConnectionLost: it failed.
        """
        while not self._is_handshaken:
            await self._wait_readable()

    @property
    def peer_thumbprint(self) -> Thumbprint | None:
        """The thumbprint the peer proved to own; None if it showed no certificate."""
        certificate = self._engine.peer_certificate()
        return None if certificate is None else thumbprint_of(certificate)

    @property
    def peer_address(self) -> str:
        """Host and port of the other end, for logs and refusals."""
        peer = self._transport.get_extra_info("peername") if self._transport else None
        return f"{peer[0]}:{peer[1]}" if peer else "unknown"

    async def read(self) -> bytes:
        """What came, at least one byte; b"" at the end of the peer's bytes.

        Raises:
            ConnectionLost: the connection broke.
        """
        while not self._plaintext:
            if self._is_ended:
                if self._error is not None:
                    raise ConnectionLost(str(self._error)) from self._error
                return b""
            await self._wait_readable()
        data = self._plaintext[0] if len(self._plaintext) == 1 else b"".join(self._plaintext)
        self._plaintext.clear()
        self._plaintext_bytes = 0
        if self._is_reading_paused:
            self._resume_reading()
        return data

    def write(self, item: bytes | memoryview) -> None:
        """Send `item` in TLS records of its own. Follow with `drain` before the next large one.

        Raises:
            ConnectionLost: the connection is gone.
        """
        if self._transport is None or self._transport.is_closing():
            raise ConnectionLost(str(self._error or "the connection is closed"))
        self._engine.write(item)
        self._flush()

    async def drain(self) -> None:
        """Wait until the peer has taken enough of what was written."""
        while self._is_writing_paused and not self.is_lost:
            self._waiting_writer = self._loop.create_future()
            await self._waiting_writer

    @property
    def is_congested(self) -> bool:
        """Whether the peer takes less than we write: time to `drain`."""
        return self._is_writing_paused

    @property
    def is_lost(self) -> bool:
        """Whether the connection is gone or the peer has ended it."""
        return self._when_lost.done()

    @property
    def when_lost(self) -> asyncio.Future[None]:
        """Done as soon as the connection is gone or the peer has ended it. Do not cancel it."""
        return self._when_lost

    def abort(self) -> None:
        """Close at once; what is not in the kernel's hands yet is lost."""
        self._end(None)
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Close once what was written is in the kernel's hands. Neither side waits for `close_notify`."""
        if self._transport is not None:
            self._transport.close()

    # --- for asyncio --------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._advance()

    def get_buffer(self, _sizehint: int) -> memoryview:
        return self._read_buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._engine.feed(self._read_buffer[:nbytes])
        self._advance()

    def eof_received(self) -> bool:
        self._end(None)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._end(exc)
        self._is_writing_paused = False
        _wake(self._waiting_writer)

    def pause_writing(self) -> None:
        self._is_writing_paused = True

    def resume_writing(self) -> None:
        self._is_writing_paused = False
        waiting, self._waiting_writer = self._waiting_writer, None
        _wake(waiting)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        try:
            if not self._is_handshaken:
                self._is_handshaken = self._engine.handshake()
            if self._is_handshaken:
                self._decrypt()
            self._flush()
        except ConnectionLost as error:
            self._flush()  # the alert that says why
            self._end(error)
            self.close()
            return
        if self._is_handshaken:
            self._wake_reader()

    def _decrypt(self) -> None:
        while self._plaintext_bytes < READ_BYTES:
            piece = self._engine.read()
            if piece is None:
                return
            if not piece:
                self._end(None)
                return
            self._plaintext.append(piece)
            self._plaintext_bytes += len(piece)
        self._is_reading_paused = True
        if self._transport is not None:
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        """Decrypt what was held back; read on from the socket once nothing is."""
        self._is_reading_paused = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        self._advance()

    def _flush(self) -> None:
        while data := self._engine.pending_output():
            if self._transport is not None and not self._transport.is_closing():
                self._transport.write(data)

    def _end(self, error: Exception | None) -> None:
        if not self._is_ended:
            self._is_ended = True
            self._error = error or (None if self._is_handshaken else ConnectionLost("closed during the TLS handshake"))
        if not self._when_lost.done():
            self._when_lost.set_result(None)
        self._wake_reader()

    async def _wait_readable(self) -> None:
        if self._is_ended:
            raise ConnectionLost(str(self._error or "the connection is closed")) from self._error
        self._waiting_reader = self._loop.create_future()
        await self._waiting_reader

    def _wake_reader(self) -> None:
        waiting, self._waiting_reader = self._waiting_reader, None
        _wake(waiting)


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
