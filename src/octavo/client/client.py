"""A session with a deployment server, ours or another that speaks the same API.

It follows links rather than building paths, sends PUT and DELETE as overridden POST, and reads lists page by page.
Source: tentacle-cli §6.1, §6.4; api/conventions §2, §9.
"""

import json
import platform
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx

from octavo import __version__
from octavo.client.credentials import ApiKey, BearerToken, Credentials, UserNameAndPassword
from octavo.client.errors import (
    AccessDenied,
    RequestRefused,
    ResourceMissing,
    ServerFailed,
    ServerUnreachable,
    SpaceMissing,
    UnreadableAnswer,
)
from octavo.client.resources import Resource
from octavo.client.uri_templates import Value, expand

_TIMEOUT_SECONDS = 600
_RETRY_PAUSE_SECONDS = 1.0
_API_VERSIONS = "3.0."
_CSRF_COOKIE = "Octopus-Csrf-Token"


class Client:
    """One user's session; a context manager. Not for use from several threads at once.

    `proxy` is a proxy's URL; without one the system's is used when `use_system_proxy`. The first call waits up to
    `patience_seconds` for a server that is still starting.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        proxy: str | None = None,
        use_system_proxy: bool = True,
        ignore_tls_errors: bool = False,
        patience_seconds: float = 60,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._base = base_address(url)
        self._credentials = credentials
        self._patience_seconds = patience_seconds
        self._pause = pause
        self._root: Resource | None = None
        self._http = httpx.Client(
            headers=_headers(credentials),
            verify=_tls_context(ignore_tls_errors),
            proxy=proxy,
            trust_env=use_system_proxy and proxy is None,
            timeout=_TIMEOUT_SECONDS,
            follow_redirects=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the session."""
        self._http.close()

    def root(self) -> Resource:
        """The server's root document; logs in first when there are a user name and a password.

        Raises:
            ServerUnreachable: nothing answered in time.
            UnreadableAnswer: what answered is no such server, or one of another API version.
        """
        if self._root is None:
            self._root = self._read_root()
        return self._root

    def space(self, name: str | None = None) -> Resource:
        """A space's home, whose links lead to its resources; without a name the user's default space.

        Raises:
            SpaceMissing: there is none of that name for this user, or no default one.
        """
        root = self.root()
        if root.find_link("Spaces") is None:
            if name is not None:
                raise SpaceMissing(f'The server has no spaces, so "{name}" cannot be chosen.')
            return root
        me = self.get(root.link("CurrentUser"))
        spaces = [Resource.of(one, "spaces") for one in self.get_array(me.link("Spaces"))]
        space = _choose_space(spaces, name)
        home = self.get(space.link("SpaceHome"), Id=space.id)
        return Resource({**space.members, "Links": {**root.child("Links").members, **home.child("Links").members}})

    def get(self, link: str, **values: Value) -> Resource:
        """One document."""
        return Resource.of(self.request("GET", expand(link, values)), link)

    def get_array(self, link: str, **values: Value) -> list[object]:
        """A plain JSON array."""
        answer = self.request("GET", expand(link, values))
        if not isinstance(answer, list):
            raise UnreadableAnswer(f"The server's answer for {link} is not a JSON array.")
        return answer

    def list(self, link: str, **values: Value) -> Iterator[Resource]:
        """All items of a collection, page after page, read as they are wanted."""
        page = self.get(link, **values)
        while True:
            items = [*page.children("Items")]
            yield from items
            following = page.find_link("Page.Next")
            if following is None or not items:
                return
            page = self.get(following)

    def create(self, link: str, document: Mapping[str, object]) -> Resource:
        """Create something; the document as the server then shows it."""
        path = expand(link)
        return self._read_again(self.request("POST", path, document), path)

    def update(self, resource: Resource) -> Resource:
        """Write a changed document back; the document as the server then shows it."""
        path = expand(resource.link("Self"))
        return self._read_again(self.request("PUT", path, resource.members), path)

    def delete(self, resource: Resource) -> None:
        """Delete what this document shows."""
        self.request("DELETE", expand(resource.link("Self")))

    def request(self, method: str, path: str, document: Mapping[str, object] | None = None) -> object:
        """One call; the JSON of the answer, None when it has no body.

        Raises:
            ClientError: one of its kinds, by status.
        """
        response = self._send(method, path, document)
        _raise_for_status(response)
        if not response.content.strip():
            return None
        try:
            return json.loads(response.content)
        except ValueError as error:
            raise UnreadableAnswer(
                f"{response.url} did not answer with JSON. Is {self._base} really the address of the server?"
            ) from error

    def _send(self, method: str, path: str, document: Mapping[str, object] | None) -> httpx.Response:
        headers = {}
        if method in ("PUT", "DELETE"):
            headers["X-HTTP-Method-Override"] = method
            method = "POST"
        if method != "GET":
            headers |= self._csrf_header()
        content = None
        if document is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
            content = json.dumps(document, indent=2, ensure_ascii=False).encode()
        try:
            return self._http.request(method, self._address(path), headers=headers, content=content)
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
            raise ServerUnreachable(
                f"{self._base} does not answer: {error or type(error).__name__}. "
                "Check the address, the network, the proxy settings and the server's certificate."
            ) from error

    def _address(self, path: str) -> str:
        """Links that begin with `~/` are relative to the base, all others to its host."""
        return self._base + path[1:] if path.startswith("~/") else urljoin(self._base + "/", path)

    def _read_root(self) -> Resource:
        root = self._await_root()
        if isinstance(self._credentials, UserNameAndPassword):
            self._log_in(root, self._credentials)
            root = self._await_root()
        version = root.text("ApiVersion")
        if not version.startswith(_API_VERSIONS):
            raise UnreadableAnswer(
                f"{self._base} speaks version {version} of the API; this program knows {_API_VERSIONS}*."
            )
        return root

    def _await_root(self) -> Resource:
        """Read the root document; a server that starts (503) or restarts (no answer) is given time."""
        deadline = time.monotonic() + self._patience_seconds
        while True:
            try:
                return self.get("~/api")
            except (ServerUnreachable, ServerFailed) as error:
                is_starting = isinstance(error, ServerUnreachable) or error.status == httpx.codes.SERVICE_UNAVAILABLE
                if not is_starting or time.monotonic() >= deadline:
                    raise
            self._pause(_RETRY_PAUSE_SECONDS)

    def _log_in(self, root: Resource, credentials: UserNameAndPassword) -> None:
        body = {
            "Username": credentials.user_name,
            "Password": credentials.password.reveal(),
            "RememberMe": False,
            "State": {"UsingSecureConnection": urlsplit(self._base).scheme == "https"},
        }
        _raise_for_status(self._send("POST", expand(root.link("SignIn")), body))
        if not self._csrf_header():
            raise UnreadableAnswer(f"{self._base} accepted the log-in but set no {_CSRF_COOKIE} cookie.")

    def _csrf_header(self) -> dict[str, str]:
        tokens = [cookie.value for cookie in self._http.cookies.jar if cookie.name.startswith(_CSRF_COOKIE)]
        return {"X-Octopus-Csrf-Token": tokens[0]} if len(tokens) == 1 and tokens[0] else {}

    def _read_again(self, answer: object, path: str) -> Resource:
        """After a change: what the server shows now, which may say more than its answer."""
        return self.get(Resource.of(answer, path).find_link("Self") or path)


def base_address(url: str) -> str:
    """The server's address without the `/api` that users often copy along, and without a last slash."""
    parts = urlsplit(url.strip())
    path = re.sub(r"/api(/.*)?$", "", parts.path, flags=re.IGNORECASE).rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}"


def _headers(credentials: Credentials) -> dict[str, str]:
    headers = {
        "Accept": "application/json",
        "User-Agent": f"octavo-client/{__version__} ({platform.system()}; {platform.machine()})",
    }
    if isinstance(credentials, ApiKey):
        headers["X-Octopus-ApiKey"] = credentials.key.reveal()
    if isinstance(credentials, BearerToken):
        headers["Authorization"] = f"Bearer {credentials.token.reveal()}"
    return headers


def _tls_context(ignore_errors: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ignore_errors:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _choose_space(spaces: list[Resource], name: str | None) -> Resource:
    if name is None:
        default = [space for space in spaces if space.is_true("IsDefault")]
        if not default:
            raise SpaceMissing(
                'No "space" was specified, and the default space is disabled or inaccessible to this user. '
                'Please select a space using the "space" parameter.'
            )
        return default[0]
    named = [space for space in spaces if space.name.strip().lower() == name.strip().lower()]
    if not named:
        raise SpaceMissing(
            f'A space with name "{name}" could not be found. Ensure you have spelled the space name correctly '
            "and that the user has access to this space."
        )
    return named[0]


def _raise_for_status(response: httpx.Response) -> None:
    status = response.status_code
    if response.is_success:
        return
    text = _error_text(response)
    where = f"{response.request.method} {response.url.path}"
    if status in (httpx.codes.BAD_REQUEST, httpx.codes.CONFLICT):
        raise RequestRefused(text or f"The server refused {where} and did not say why (status {status}).")
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        hint = text or "The server does not know these credentials, or they do not suffice."
        raise AccessDenied(
            f"{hint} ({where}, status {status}) Check the API key, token or password and its user's rights."
        )
    if status == httpx.codes.NOT_FOUND:
        raise ResourceMissing(text or f"The server has nothing at {where} (status 404). Is the address right?")
    raise ServerFailed(f"{where} failed with status {status}. {text}".rstrip(), status)


def _error_text(response: httpx.Response) -> str:
    """What the server says, its reasons on lines of their own."""
    try:
        document = json.loads(response.content)
    except ValueError:
        return ""
    if not isinstance(document, dict):
        return ""
    error = Resource(document)
    lines = [error.find_text("ErrorMessage") or "", *(f" - {reason}" for reason in error.texts("Errors"))]
    return "\n".join(line for line in lines if line)
