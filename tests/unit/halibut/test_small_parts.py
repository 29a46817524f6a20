"""Identities, endpoints, trust, back-off, the friendly page and the proxy request."""

import ssl
from datetime import UTC, datetime

import pytest
from cryptography import x509

from fakes.halibut_peers import identity
from octavo.halibut import Endpoint, FriendlyPage, Limits, Proxy, Thumbprint, Trust, new_identity, parse_thumbprint
from octavo.halibut.core.messages import ServerError
from octavo.halibut.endpoints import canonical_uri
from octavo.halibut.errors import ServiceFailed, ServiceNotFound
from octavo.halibut.identity import thumbprint_of
from octavo.halibut.poller import Backoff
from octavo.halibut.stubs import as_exception
from octavo.halibut.transport.proxy import connect_request

HEX = "0123456789ABCDEF0123456789ABCDEF01234567"


def test_a_new_identity_looks_like_a_tentacles() -> None:
    certificate = x509.load_pem_x509_certificate(new_identity("Octopus Tentacle").certificate_pem)

    assert certificate.subject.rfc4514_string() == certificate.issuer.rfc4514_string() == "CN=Octopus Tentacle"
    assert list(certificate.extensions) == []
    assert certificate.version is x509.Version.v3
    assert certificate.not_valid_before_utc < datetime.now(UTC) < certificate.not_valid_after_utc
    assert 0 < certificate.serial_number < 2**63


def test_a_thumbprint_is_the_upper_case_sha1_of_the_der() -> None:
    """halibut 5."""
    der = ssl.PEM_cert_to_DER_cert(identity("agent").certificate_pem.decode())

    assert thumbprint_of(b"abc") == "A9993E364706816ABA3E25717850C26C9CD0D89D"
    assert identity("agent").thumbprint == thumbprint_of(der)


@pytest.mark.parametrize("text", [HEX, HEX.lower(), " ".join(HEX), ":".join(HEX)])
def test_a_thumbprint_is_parsed_in_any_spelling(text: str) -> None:
    assert parse_thumbprint(text) == HEX


@pytest.mark.parametrize("text", ["", HEX[:-1], HEX + "0", "G" * 40])
def test_what_is_no_thumbprint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no thumbprint"):
        parse_thumbprint(text)


def test_trust_ignores_case_and_ends_when_revoked() -> None:
    """halibut 5: trust comparison is case-insensitive."""
    trust, revoked = Trust(), list[str]()
    trust.when_revoked(revoked.append)

    trust.allow(Thumbprint(HEX.lower()))

    assert trust.is_trusted(Thumbprint(HEX))
    trust.revoke(Thumbprint(HEX))
    trust.revoke(Thumbprint(HEX))
    assert not trust.is_trusted(Thumbprint(HEX))
    assert revoked == [HEX]


def test_a_subscription_belongs_to_one_thumbprint() -> None:
    """halibut 42: the last one registered."""
    trust, first, second = Trust(), Thumbprint(HEX), Thumbprint(HEX[::-1])
    trust.allow(first, "poll://A/")
    trust.allow(second, "poll://a")

    assert not trust.may_subscribe(first, "poll://a/")
    assert trust.may_subscribe(second, "poll://a/")
    assert trust.is_trusted(first)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("https://Worker1.Example.com:10933", "https://worker1.example.com:10933/"),
        ("https://a:443/path?x#y", "https://a/"),
        ("https://[::1]:10933/", "https://[::1]:10933/"),
        ("POLL://AbC", "poll://abc/"),
    ],
)
def test_uris_have_one_canonical_form(uri: str, expected: str) -> None:
    assert canonical_uri(uri) == expected


@pytest.mark.parametrize("uri", ["", "poll://", "ftp://a/", "a:10933", "https:///x"])
def test_what_is_no_endpoint_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="no endpoint"):
        canonical_uri(uri)
    with pytest.raises(ValueError, match="cannot be dialled"):
        _ = Endpoint(uri, Thumbprint(HEX)).address


def test_the_back_off_grows_to_its_maximum_and_starts_anew_after_success() -> None:
    """halibut 30: 5 s to 120 s."""
    backoff = Backoff(Limits(), spread=0.5)

    assert [backoff.after_failure(now) for now in (1000.0, 1006.0, 1020.0, 2000.0)] == [5, 9, 30, 120]
    assert backoff.after_loss() == 0.25
    assert backoff.after_failure(3000.0) == 5


def test_the_friendly_page_is_a_whole_http_answer() -> None:
    """halibut 3: byte for byte as captured."""
    assert FriendlyPage().encode() == (
        b"HTTP/1.0 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 39\r\n\r\n"
        b"<html><body><p>Hello!</p></body></html>\r\n\r\n"
    )


def test_the_connect_request_is_exact() -> None:
    """halibut 10."""
    assert connect_request(Proxy("p", 3128), "host", 10933) == (
        b"CONNECT host:10933 HTTP/1.0\r\nHost: host:10933\r\n\r\n"
    )
    assert connect_request(Proxy("p", 3128, "user", "pass"), "host", 1) == (
        b"CONNECT host:1 HTTP/1.0\r\nHost: host:1\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("message", "details", "error_type", "expected"),
    [
        ("x", "", "Halibut.Exceptions.ServiceNotFoundHalibutClientException", ServiceNotFound),
        ("x", "", "Halibut.Exceptions.MethodNotFoundHalibutClientException", ServiceNotFound),
        ("x", "", "Halibut.Exceptions.AmbiguousMethodMatchHalibutClientException", ServiceNotFound),
        ("Service not found: IX", "System.Exception: …", None, ServiceNotFound),
        ("Service X::Y not found", "System.Exception: …", None, ServiceNotFound),
        ("x", "System.Reflection.AmbiguousMatchException: …", None, ServiceNotFound),
        ("Service not found: IX", "", "Halibut.Exceptions.ServiceInvocationHalibutClientException", ServiceFailed),
        ("x", "", "Halibut.HalibutClientException", ServiceFailed),
        ("x", "System.Reflection.TargetInvocationException: …", None, ServiceFailed),
    ],
)
def test_a_server_error_becomes_the_exception_its_caller_decides_by(
    message: str, details: str, error_type: str | None, expected: type[ServiceFailed]
) -> None:
    error = as_exception(ServerError(message, details, error_type))

    assert type(error) is expected
    assert (str(error), error.details, error.error_type) == (message, details, error_type)
