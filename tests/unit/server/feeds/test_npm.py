"""npm's documents, read."""

import base64
import hashlib

import pytest

from octavo.server.feeds.npm import find_digest, versions_in


def integrity(algorithm: str, data: bytes = b"x") -> str:
    return f"{algorithm}-{base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"


def test_the_strongest_digest_counts() -> None:
    dist = {"integrity": f"{integrity('sha256')} {integrity('sha512')}?option", "shasum": "00" * 20}

    assert find_digest(dist) == ("sha512", hashlib.sha512(b"x").digest())


def test_an_old_package_has_a_shasum_only() -> None:
    assert find_digest({"shasum": "0a" * 20}) == ("sha1", b"\x0a" * 20)


@pytest.mark.parametrize("dist", [{}, {"integrity": "md5-abcd"}, {"integrity": "sha512-%%%"}, {"shasum": "none"}])
def test_what_cannot_be_compared_is_no_digest(dist: dict[str, object]) -> None:
    assert find_digest(dist) is None


def test_versions_have_the_times_that_the_document_knows() -> None:
    document = {"versions": {"1.9.0": {}, "1.10.0": {}}, "time": {"1.10.0": "2026-01-02T03:04:05.000Z"}}

    newest, older = versions_in(document, "web")

    assert (newest.version, older.version) == ("1.10.0", "1.9.0")
    assert newest.published_at is not None
    assert older.published_at is None
