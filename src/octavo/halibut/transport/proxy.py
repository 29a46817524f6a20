"""A tunnel through an HTTP proxy. Source: halibut.md §2.6."""

import asyncio
import base64
import socket

from octavo.halibut.endpoints import Proxy
from octavo.halibut.errors import NotDelivered

_LONGEST_ANSWER = 64 * 1024


async def open_tunnel(proxy: Proxy, host: str, port: int, answer_seconds: float) -> socket.socket:
    """A connected socket on which the proxy passes everything to `host`:`port`.

    Raises:
        NotDelivered: the proxy refused, or did not answer as an HTTP proxy.
        OSError: it cannot be reached.
    """
    connection = await _connect(proxy.host, proxy.port)
    try:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(connection, connect_request(proxy, host, port))
        async with asyncio.timeout(answer_seconds):
            answer = await _read_answer(connection)
        _check_answer(answer, proxy)
    except TimeoutError as error:
        connection.close()
        raise NotDelivered(f"The proxy {proxy.host}:{proxy.port} did not answer for {answer_seconds:g} s.") from error
    except BaseException:
        connection.close()
        raise
    return connection


def connect_request(proxy: Proxy, host: str, port: int) -> bytes:
    """The CONNECT request, byte for byte as .NET peers send it."""
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.0", f"Host: {target}"]
    if proxy.user_name and proxy.user_name.strip():
        credentials = f"{proxy.user_name}:{proxy.password or ''}".encode("ascii", "replace")
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(credentials).decode()}")
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"


async def _connect(host: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    failure: OSError | None = None
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        connection = socket.socket(family, kind, protocol)
        connection.setblocking(False)
        try:
            await loop.sock_connect(connection, address)
        except OSError as error:
            connection.close()
            failure = error
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise failure or OSError(f"{host} has no address")


async def _read_answer(connection: socket.socket) -> bytes:
    """Up to the blank line, byte by byte: what follows belongs to TLS."""
    answer = bytearray()
    while not answer.endswith(b"\r\n\r\n") and len(answer) < _LONGEST_ANSWER:
        byte = await asyncio.get_running_loop().sock_recv(connection, 1)
        if not byte:
            break
        answer += byte
    return bytes(answer)


def _check_answer(answer: bytes, proxy: Proxy) -> None:
    words = answer.partition(b"\r\n")[0].decode("latin-1").split()
    if len(words) < 2 or "HTTP" not in words[0] or words[1] != "200":
        said = " ".join(words)[:200] or "nothing"
        raise NotDelivered(f"The proxy {proxy.host}:{proxy.port} did not open a tunnel: it said «{said}».")
