"""A small deployment server for registration: the documents, links and rules of tentacle-cli §6.2, strictly.

It holds one space more than the default one, two worker pools over two pages, and whatever is registered. Unlike a
real server it remembers every call. The real one is met in `integration/test_registration.py`.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

THUMBPRINT = "9C25" * 10
API_KEY = "API-GOODKEY"
TOKEN = "good-token"
USER_NAME, PASSWORD = "anna", "geheim"
CSRF = "csrf-value|with+signs"
Document = dict[str, object]


@dataclass
class RegistrationServer:
    """The state; change it before the calls, look at it afterwards."""

    version: str = "2026.3.1000"
    api_version: str = "3.0.0"
    has_environments_v2: bool = True
    starting_answers: int = 0
    refusal: Document | None = None
    calls: list[str] = field(default_factory=list)
    workers: list[Document] = field(default_factory=list)
    machines: list[Document] = field(default_factory=list)
    user_agents: set[str] = field(default_factory=set)
    url: str = ""

    def register(self, kind: str, **members: object) -> Document:
        """Enter a machine as if it had been registered before."""
        collection = self.workers if kind == "workers" else self.machines
        number = len(collection) + 1
        machine: Document = {"Id": f"{kind.title()}-{number}", "SpaceId": "Spaces-1", **members}
        machine["Links"] = {"Self": f"/api/Spaces-1/{kind}/{machine['Id']}"}
        collection.append(machine)
        return machine

    def posts(self) -> list[str]:
        """The calls that change something."""
        return [call for call in self.calls if not call.startswith("GET")]


@contextmanager
def running_registration_server(state: RegistrationServer | None = None) -> Iterator[RegistrationServer]:
    """Serve on a free loopback port until the block ends."""
    served = state or RegistrationServer()

    class Handler(_Handler):
        server_state = served

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Refused(Exception):
    def __init__(self, status: int, document: Document) -> None:
        super().__init__(status)
        self.status = status
        self.document = document


class _Handler(BaseHTTPRequestHandler):
    server_state: RegistrationServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: together they would wait for an answer to none

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve(self.headers.get("X-HTTP-Method-Override", "POST"))

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""

    def _serve(self, method: str) -> None:
        state = self.server_state
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        parts = urlsplit(self.path)
        state.calls.append(f"{method} {self.path}")
        state.user_agents.add(self.headers.get("User-Agent", ""))
        query = {name.lower(): values[0] for name, values in parse_qs(parts.query).items()}
        try:
            self._answer(200, self._handle(method, parts.path, query, json.loads(body) if body else None))
        except _Refused as refused:
            self._answer(refused.status, refused.document)

    def _answer(self, status: int, document: object) -> None:
        data = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for cookie in getattr(self, "new_cookies", ()):
            self.send_header("Set-Cookie", f"{cookie}; path=/")
        self.new_cookies: list[str] = []
        self.end_headers()
        self.wfile.write(data)

    def _handle(self, method: str, path: str, query: dict[str, str], body: Document | None) -> object:
        state = self.server_state
        if path == "/api" and method == "GET":
            if state.starting_answers:
                state.starting_answers -= 1
                raise _Refused(503, {"ErrorMessage": "starting"})
            return _root(state)
        if path == "/api/users/login" and method == "POST":
            return self._log_in(body or {})
        self._check_user(method)
        if method != "GET" and state.refusal is not None:
            raise _Refused(400, state.refusal)
        if path in _DOCUMENTS and method == "GET":
            return _DOCUMENTS[path]
        if path == "/api/Spaces-1/environments/v2" and state.has_environments_v2:
            return {"Items": [_item("Environments-9", "Staging", Type="Static")]}
        return self._handle_collection(method, path.removeprefix("/api/Spaces-1/").split("/"), query, body)

    def _handle_collection(self, method: str, parts: list[str], query: dict[str, str], body: Document | None) -> object:
        kind = parts[0]
        if kind in ("workers", "machines"):
            return self._handle_machines(method, parts, query, body)
        if kind not in _COLLECTIONS:
            raise _Refused(404, {"ErrorMessage": "Resource is not found."})
        items = _COLLECTIONS[kind]
        if "ids" in query:
            items = [item for item in items if str(item["Id"]).lower() in query["ids"].lower().split(",")]
        return _page(f"/api/Spaces-1/{kind}", items, int(query.get("skip", "0")))

    def _handle_machines(self, method: str, parts: list[str], query: dict[str, str], body: Document | None) -> object:
        kind, key = parts[0], parts[1] if len(parts) > 1 else None
        machines = self.server_state.workers if kind == "workers" else self.server_state.machines
        if method == "POST" and key is None and body is not None:
            assert _is_whole(body), body
            return self.server_state.register(kind, **body)
        if method == "GET" and key is None:
            name = query.get("name", "").lower()
            return _page(f"/api/Spaces-1/{kind}", [one for one in machines if name in str(one["Name"]).lower()], 0)
        if method == "GET" and key == "all":
            return [one for one in machines if _thumbprint(one) == query.get("thumbprint", _thumbprint(one)).upper()]
        machine = next((one for one in machines if one["Id"] == key), None)
        if machine is None:
            raise _Refused(404, {"ErrorMessage": "Resource is not found."})
        if method == "DELETE":
            machines.remove(machine)
            return None
        if method == "PUT" and body is not None:
            machine.update(body)
        return machine

    def _check_user(self, method: str) -> None:
        headers = self.headers
        if headers.get("X-Octopus-ApiKey") == API_KEY or headers.get("Authorization") == f"Bearer {TOKEN}":
            return
        has_session = "OctopusIdentificationToken_x=session" in headers.get("Cookie", "")
        if has_session and (method == "GET" or headers.get("X-Octopus-Csrf-Token") == CSRF):
            return
        raise _Refused(401, {"ErrorMessage": "You must be logged in to request this resource."})

    def _log_in(self, body: Document) -> Document:
        if (body.get("Username"), body.get("Password")) != (USER_NAME, PASSWORD):
            raise _Refused(400, {"ErrorMessage": "Invalid username or password.", "Errors": ["Please try again."]})
        self.new_cookies = ["OctopusIdentificationToken_x=session", f"Octopus-Csrf-Token_x={CSRF}"]
        return {}


def _root(state: RegistrationServer) -> Document:
    links = {
        "Self": "/api",
        "CurrentUser": "/api/users/me",
        "SignIn": "/api/users/login{?returnUrl}",
        "Spaces": "/api/spaces{/id}{?skip,ids,take,partialName}",
        "SpaceHome": "/api/{spaceId}",
        "CertificateConfiguration": "/api/configuration/certificates{/id}{?skip,take,ids,partialName}",
    }
    return {"Application": "Octopus Deploy", "Version": state.version, "ApiVersion": state.api_version, "Links": links}


def _item(item_id: str, name: str, **members: object) -> Document:
    return {"Id": item_id, "Name": name, "Slug": name.lower().replace(" ", "-"), "Links": {}, **members}


def _page(path: str, items: list[Document], skip: int, size: int = 1) -> Document:
    links = {"Self": path}
    if skip + size < len(items):
        links["Page.Next"] = f"{path}?skip={skip + size}&take={size}"
    page = items[skip : skip + size]
    return {"ItemType": "", "TotalResults": len(items), "ItemsPerPage": size, "Items": page, "Links": links}


def _thumbprint(machine: Document) -> str:
    endpoint = machine["Endpoint"]
    assert isinstance(endpoint, dict)
    return str(endpoint["Thumbprint"]).upper()


def _is_whole(body: Document) -> bool:
    endpoint = body.get("Endpoint")
    return isinstance(endpoint, dict) and {"CommunicationStyle", "Thumbprint", "Uri"} <= set(endpoint)


def _space(space_id: str, name: str, *, is_default: bool) -> Document:
    return {"Id": space_id, "Name": name, "IsDefault": is_default, "Links": {"SpaceHome": f"/api/{space_id}"}}


_FILTERS = "{?skip,take,name,ids,partialName,thumbprint}"
_DOCUMENTS: dict[str, object] = {
    "/api/users/me": {"Id": "Users-1", "Links": {"Spaces": "/api/users/Users-1/spaces"}},
    "/api/users/Users-1/spaces": [
        _space("Spaces-1", "Default", is_default=True),
        _space("Spaces-2", "Empty", is_default=False),
    ],
    "/api/Spaces-1": {
        "Links": {
            "Workers": "/api/Spaces-1/workers{/id}" + _FILTERS,
            "Machines": "/api/Spaces-1/machines{/id}" + _FILTERS,
            "WorkerPools": "/api/Spaces-1/workerpools{/id}{?name,skip,ids,take,partialName}",
            "MachinePolicies": "/api/Spaces-1/machinepolicies{/id}{?skip,take,ids,partialName}",
            "Proxies": "/api/Spaces-1/proxies{/id}{?skip,take,ids,partialName}",
            "Environments": "/api/Spaces-1/environments{/id}{?name,skip,ids,take,partialName}",
            "Tenants": "/api/Spaces-1/tenants{/id}{?skip,projectId,name,tags,take,ids,partialName}",
            "TagSets": "/api/Spaces-1/tagsets{/id}{?skip,take,ids,partialName}",
        }
    },
    "/api/configuration/certificates/certificate-global": {"Id": "certificate-global", "Thumbprint": THUMBPRINT},
}
_COLLECTIONS: dict[str, list[Document]] = {
    "workerpools": [
        _item("WorkerPools-1", "Default Worker Pool"),
        _item("WorkerPools-2", "Builders"),
        _item("WorkerPools-3", "Painters"),
    ],
    "machinepolicies": [_item("MachinePolicies-1", "Default Machine Policy"), _item("MachinePolicies-2", "Night")],
    "proxies": [_item("Proxies-1", "Office")],
    "environments": [_item("Environments-1", "Dev"), _item("Environments-9", "Staging")],
    "tenants": [_item("Tenants-1", "ACME")],
    "tagsets": [_item("TagSets-1", "Kind", Tags=[{"Name": "VIP", "CanonicalTagName": "Kind/VIP"}])],
}
