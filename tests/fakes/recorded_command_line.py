"""The official `octopus` command line as it was recorded: its requests in their order, read as strictly as Go reads.

The binary cannot be had from every package registry; this stands in for it on every machine, so that a change that
would break it is found. Source: cli-walkthrough.md §1, §2; conventions.md §1, §5.
"""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

USER_AGENT = "octopus-cli/2.24.0 (linux; amd64) go/1.24"
_DATE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")
#: Members that Go decodes as a time: anything else there ends the command.
_DATES = frozenset(
    {
        "Assembled",
        "Created",
        "LastModifiedOn",
        "QueueTime",
        "QueueTimeExpiry",
        "StartTime",
        "CompletedTime",
        "Published",
    }
)
#: Members that panic the command line when they are null.
_NEVER_NULL = frozenset(
    {
        "EnvironmentIds",
        "Roles",
        "TenantIds",
        "TenantTags",
        "ProjectEnvironments",
        "PersistenceSettings",
        "Links",
        "Items",
    }
)
Json = Any


class Refused(Exception):
    """The server answered with an error; the command ends with exit code 1 and its text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


@dataclass
class CommandLine:
    """One configured command line: server, key and space."""

    url: str
    key: str
    space: str = "Default"
    root: Json = None
    space_root: Json = None
    space_id: str = ""
    _client: httpx.Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        headers = {"X-Octopus-ApiKey": self.key, "User-Agent": USER_AGENT, "Accept": "application/json"}
        self._client = httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False)

    def close(self) -> None:
        """End its connections."""
        self._client.close()

    def start(self, *, in_space: bool = True) -> None:
        """What every command does first: P2, or P5 for commands in a space."""
        self.root = self.get("/api/")
        self.get("/api/spaces")
        if not in_space:
            return
        spaces = self.get("/api/spaces/all")
        self.space_id = next(
            each["Id"] for each in spaces if self.space.lower() in (each["Name"].lower(), each["Id"].lower())
        )
        self.get("/api/")
        self.space_root = self.get(f"/api/{self.space_id}")

    def path(self, rest: str) -> str:
        """An address in the space."""
        return f"/api/{self.space_id}/{rest}"

    def link(self, name: str, **values: str) -> str:
        """A root link with its variables filled in: the space's first, then the server's."""
        template = self.space_root["Links"].get(name) or self.root["Links"].get(name)
        assert template, f"the internal path is not set: no link {name}"
        return expand(template, **values)

    def get(self, path: str) -> Json:
        """Read JSON as Go does."""
        return self._ask("GET", path)

    def find(self, path: str) -> Json | None:
        """The same, or None where there is nothing."""
        try:
            return self.get(path)
        except Refused as refused:
            if refused.status != 404:
                raise
            return None

    def post(self, path: str, body: Json = None, *, status: int | None = 201) -> Json:
        """Send a new resource."""
        return self._ask("POST", path, body, status)

    def put(self, path: str, body: Json) -> Json:
        """Send a whole resource back."""
        return self._ask("PUT", path, body, 200)

    def delete(self, path: str) -> None:
        """Delete: anything but 200 with a length of 0 is an error to Go."""
        response = self._client.delete(path)
        if response.status_code >= 400:
            raise Refused(response.status_code, response.text)
        assert response.status_code == 200, f"DELETE {path} answered {response.status_code}"
        assert response.headers.get("Content-Length") == "0" or response.content, "an empty body needs its length"

    def upload(self, path: str, name: str, content: bytes) -> httpx.Response:
        """A package, as a chunked multipart body."""
        response = self._client.post(path, files={"file": (name, content, "application/octet-stream")})
        if response.status_code >= 400:
            raise Refused(response.status_code, response.text)
        return response

    def pages(self, path: str) -> list[Json]:
        """All items of a list, by its `Page.Next` links."""
        items: list[Json] = []
        following: str | None = path
        while following:
            page = self.get(following)
            items += page["Items"]
            following = page["Links"].get("Page.Next")
            assert following is None or "{" not in following, "Page.Next is followed as it stands"
        return items

    def lookup(self, collection: str, text: str) -> Json:
        """PROJ, LC, PG, TEN, ENV: by id or slug, else by name among those that contain it."""
        found = self.find(self.path(f"{collection}/{quote(text, safe='')}"))
        if found is None:
            page = self.get(self.path(f"{collection}?partialName={quote(text, safe='')}"))
            found = next((item for item in page["Items"] if item["Name"].lower() == text.lower()), None)
        if found is None:
            raise Refused(404, "cannot find the item")
        return found

    def lookup_by_name(self, collection: str, text: str) -> Json:
        """WRK, MACH, POOL: by id, else by the query parameter `name`."""
        found = self.find(self.path(f"{collection}/{quote(text, safe='')}"))
        if found is None:
            page = self.get(self.path(f"{collection}?name={quote(text, safe='')}"))
            found = next((item for item in page["Items"] if item["Name"].lower() == text.lower()), None)
        if found is None:
            raise Refused(404, f"cannot find {collection} with name or ID of '{text}'")
        return found

    def tags(self, scope: str) -> set[str]:
        """The canonical names of the tags for this kind of resource."""
        sets = self.get(self.path(f"tagsets?scopes={scope}"))["Items"]
        return {tag["CanonicalTagName"] for each in sets for tag in each["Tags"]}

    def _ask(self, method: str, path: str, body: Json = None, status: int | None = None) -> Json:
        response = self._client.request(method, path, json=body)
        if response.status_code >= 400:
            document = response.json()
            assert document["ErrorMessage"], "an error has a message"
            assert ("Errors" in document) == (response.status_code != 404), "Errors is in 400 and never in 404"
            raise Refused(response.status_code, response.text)
        assert status is None or response.status_code == status, f"{method} {path} answered {response.status_code}"
        if not response.content:
            assert response.headers.get("Content-Length") == "0", "an empty body needs its length"
            return None
        document = response.json()
        check(document, f"{method} {path}")
        return document


def check(document: Json, where: str) -> None:
    """Fail where Go would: dates that it cannot parse, null where it needs a list or a map."""
    if isinstance(document, list):
        for item in document:
            check(item, where)
    elif isinstance(document, dict):
        for name, value in document.items():
            if name in _DATES and value is not None:
                assert _DATE.match(str(value)), f"{where}: {name} is {value!r}, no date"
            assert not (name in _NEVER_NULL and value is None), f"{where}: {name} is null"
            check(value, where)


def expand(template: str, **values: str) -> str:
    """A URI template of the two forms that servers publish: `{/id}` and `{?a,b}`, and plain `{a}`."""

    def fill(match: re.Match[str]) -> str:
        operator, names = match.group(1), match.group(2).split(",")
        given = [(name, quote(values[name], safe="")) for name in names if name in values]
        if operator == "/":
            return "".join(f"/{value}" for _, value in given)
        if operator == "?":
            return "?" + "&".join(f"{name}={value}" for name, value in given) if given else ""
        return "".join(value for _, value in given)

    return re.sub(r"\{([/?]?)([^}]*)\}", fill, template)
