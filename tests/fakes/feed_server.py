"""An HTTP server for feeds under test: it serves documents by path, asks for a password, fails when told to.

It remembers every call and what credentials came with it.
"""

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USER_NAME, PASSWORD = "anna", "geheim-und-lang"
BASIC = "Basic " + base64.b64encode(f"{USER_NAME}:{PASSWORD}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered at a path. `announced` is a Content-Length that is not kept: the connection breaks before."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    announced: int | None = None


@dataclass
class FeedServer:
    """The state; change it before the calls, look at it afterwards.

    `replies` are by path, with the query where one is entered with it. `first` go before them, in order.
    """

    url: str = ""
    needs_password: bool = False
    replies: dict[str, Reply] = field(default_factory=dict)
    first: list[Reply] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    credentials: list[str | None] = field(default_factory=list)

    def reply(self, target: str, credentials: str | None) -> Reply:
        """What is answered to a GET or HEAD."""
        self.calls.append(target)
        self.credentials.append(credentials)
        if self.needs_password and credentials != BASIC:
            return Reply(status=401)
        if self.first:
            return self.first.pop(0)
        known = self.replies.get(target) or self.replies.get(target.partition("?")[0])
        return known or Reply(b"nothing here", 404)


@contextmanager
def running_feed_server() -> Iterator[FeedServer]:
    """Serve on a free loopback port until the block ends."""
    served = FeedServer()

    class Handler(_Handler):
        state = served

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    state: FeedServer
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        with suppress(ConnectionError):  # a client may have had enough
            super().handle()

    def do_GET(self) -> None:
        reply = self.state.reply(self.path, self.headers.get("Authorization"))
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body) if reply.announced is None else reply.announced))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(reply.body)
        self.close_connection = reply.announced is not None

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""
