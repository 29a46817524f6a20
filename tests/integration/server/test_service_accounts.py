"""Service accounts sign in by tokens of another system, from a real issuer over HTTP."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from api_under_test import Api

SUBJECT = "repo:acme/web:ref:refs/heads/main"


@dataclass
class Issuer:
    """Another system that issues identity tokens; `keys` are those that it publishes."""

    address: str = ""
    asked: int = 0
    keys: dict[str, rsa.RSAPrivateKey] = field(default_factory=dict)

    def add_key(self, key_id: str) -> None:
        self.keys[key_id] = rsa.generate_private_key(65_537, 2_048)

    def token(self, audience: str, key_id: str = "k1", **claims: Any) -> str:
        now = int(time.time())
        body = {"iss": self.address, "aud": audience, "sub": SUBJECT, "iat": now, "exp": now + 300, **claims}
        wanted = {name: value for name, value in body.items() if value is not None}
        return jwt.encode(wanted, self.keys[key_id], "RS256", headers={"kid": key_id})

    def published(self) -> dict[str, Any]:
        public = {name: key.public_key() for name, key in self.keys.items()}
        found = [json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key)) | {"kid": name} for name, key in public.items()]
        return {"keys": found}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    made.add_key("k1")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked += 1
            is_keys = self.path == "/keys"
            body = made.published() if is_keys else {"issuer": made.address, "jwks_uri": f"{made.address}/keys"}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


async def an_account(api: Api, issuer: Issuer, **members: Any) -> tuple[str, str]:
    """A service account's id, and what clients call it by."""
    user = await api.post("/api/users", {"Username": "build", "DisplayName": "Build", "IsService": True})
    own = f"/api/serviceaccounts/{user['Id']}/oidcidentities"
    body = {"Name": "main", "Issuer": issuer.address, "Subject": "repo:acme/web:ref:refs/heads/*", **members}
    await api.post(f"{own}/create/v1", body)
    return user["Id"], (await api.get(f"{own}/v1"))["ExternalId"]


async def exchange(api: Api, audience: str, token: str, **members: Any) -> dict[str, Any]:
    body = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "audience": audience,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "subject_token": token,
        **members,
    }
    async with api.anonymous() as client:
        configuration = (await client.get("/.well-known/openid-configuration")).json()
        response = await client.post(configuration["token_endpoint"], json=body)
    answer = dict(response.json())
    assert (response.status_code == 200) == ("access_token" in answer)
    return answer


async def me(api: Api, token: str, status: int = 200) -> Any:
    async with api.anonymous() as client:
        response = await client.get("/api/users/me", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == status
    return response.json()


async def test_a_token_is_exchanged_and_signs_in(api_on_both: Api, issuer: Issuer) -> None:
    user_id, audience = await an_account(api_on_both, issuer)

    answer = await exchange(api_on_both, audience, issuer.token(audience))

    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    assert (await me(api_on_both, answer["access_token"]))["Id"] == user_id


async def test_a_session_is_no_access_token(api: Api, issuer: Issuer) -> None:
    async with api.anonymous() as client:
        await client.post("/api/users/login", json={"Username": "admin", "Password": "correct horse battery staple"})
        cookie = next(value for name, value in client.cookies.items() if name.startswith("OctopusIdentification"))

    await me(api, cookie, 401)


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"sub": "repo:evil/web:ref:refs/heads/main"}, "subject"),
        ({"aud": "somebody else"}, "another audience"),
        ({"exp": 1}, "has expired"),
        ({"exp": None}, "not valid"),
        ({"iss": "https://elsewhere.example.org"}, "trusts the issuer"),
    ],
    ids=["subject", "audience", "expired", "no expiry", "issuer"],
)
async def test_a_token_that_does_not_fit_is_refused(
    api: Api, issuer: Issuer, claims: dict[str, Any], reason: str
) -> None:
    _, audience = await an_account(api, issuer)

    answer = await exchange(api, audience, issuer.token(audience, **claims))

    assert (answer["error"], reason in answer["error_description"]) == ("invalid_request", True)


async def test_a_signature_that_is_not_the_issuers_is_refused(api: Api, issuer: Issuer) -> None:
    _, audience = await an_account(api, issuer)
    other = Issuer(issuer.address)
    other.add_key("k1")
    body = jwt.decode(issuer.token(audience), options={"verify_signature": False})
    shared = jwt.encode(body, "0" * 64, "HS256", headers={"kid": "k1"})
    unsigned = jwt.encode(body, "", "none", headers={"kid": "k1"})

    for token in (other.token(audience), shared, unsigned, "eyJ", "", "a.b.c", "x" * 20_000):
        assert "access_token" not in await exchange(api, audience, token)


async def test_a_new_key_of_the_issuer_is_found(api: Api, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    _, audience = await an_account(api, issuer)
    monkeypatch.setattr("octavo.server.operations.oidc_keys.ASK_AGAIN_SECONDS", 0.0)
    await exchange(api, audience, issuer.token(audience))
    asked = issuer.asked
    await exchange(api, audience, issuer.token(audience))
    assert issuer.asked == asked  # keys are remembered

    issuer.add_key("k2")

    assert "access_token" in await exchange(api, audience, issuer.token(audience, "k2"))


async def test_an_issuer_that_cannot_be_asked_is_named(api: Api, issuer: Issuer) -> None:
    token = issuer.token("x", iss="http://127.0.0.1:1")
    _, audience = await an_account(api, Issuer("http://127.0.0.1:1"))

    answer = await exchange(api, audience, token)

    assert "http://127.0.0.1:1 cannot be had" in answer["error_description"]


async def test_an_inactive_account_is_out_at_once(api: Api, issuer: Issuer) -> None:
    user_id, audience = await an_account(api, issuer)
    token = (await exchange(api, audience, issuer.token(audience)))["access_token"]
    user = await api.get(f"/api/users/{user_id}")

    await api.put(f"/api/users/{user_id}", user | {"IsActive": False})

    await me(api, token, 401)
    assert "access_token" not in await exchange(api, audience, issuer.token(audience))


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"Issuer": "http://issuer.example.org"}, "https://"),
        ({"Issuer": "nonsense"}, "https://"),
        ({"Subject": "*"}, "every token"),
        ({"Name": " "}, "Name"),
    ],
)
async def test_an_identity_that_would_be_unsafe_is_refused(api: Api, members: dict[str, str], reason: str) -> None:
    user = await api.post("/api/users", {"Username": "build", "IsService": True})
    body = {"Name": "main", "Issuer": "https://issuer.example.org", "Subject": "a", **members}

    assert reason in str(await api.post(f"/api/serviceaccounts/{user['Id']}/oidcidentities/create/v1", body, 400))


async def test_identities_are_read_changed_and_removed(api_on_both: Api, issuer: Issuer) -> None:
    user_id, audience = await an_account(api_on_both, issuer)
    own = f"/api/serviceaccounts/{user_id}/oidcidentities"
    (found,) = (await api_on_both.get(f"{own}/v1"))["OidcIdentities"]

    changed = await api_on_both.put(f"{own}/{found['Id']}/v1", found | {"Subject": "other"})
    refused = await exchange(api_on_both, audience, issuer.token(audience))
    assert (await api_on_both.get(f"{own}/{found['Id']}/v1")) == changed
    await api_on_both.delete(f"{own}/{found['Id']}/v1")

    assert "access_token" not in refused
    assert (await api_on_both.get(f"{own}/v1"))["Count"] == 0
    person = (await api_on_both.get("/api/users/me"))["Id"]
    await api_on_both.get(f"/api/serviceaccounts/{person}/oidcidentities/v1", 400)
