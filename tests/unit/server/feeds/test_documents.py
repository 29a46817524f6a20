"""Documents of feeds: what is read, what is refused."""

import pytest

from octavo.server.feeds.documents import (
    Unreadable,
    elements_in,
    moment_of,
    read_json,
    read_json_list,
    read_xml,
    text_in,
)

BOMB = """<?xml version="1.0" encoding="{}"?>
<!DOCTYPE a [<!ENTITY one "ha"><!ENTITY two "&one;&one;&one;">]><a>&two;</a>"""


def test_elements_are_found_in_any_namespace() -> None:
    root = read_xml(b'<metadata xmlns="urn:x"><versions><version> 1.0 </version><version/></versions></metadata>')

    assert text_in(root, "versions/version") == "1.0"
    assert len(elements_in(root, "versions/version")) == 2
    assert text_in(root, "versions/none") == ""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_in_every_encoding(encoding: str) -> None:
    with pytest.raises(Unreadable, match="document type"):
        read_xml(BOMB.format(encoding).encode(encoding))


@pytest.mark.parametrize("data", [b"", b"<a>", b"{}", b"\xff\xfe", b'<?xml version="1.0" encoding="none"?><a/>'])
def test_what_is_no_xml_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable, match="not XML"):
        read_xml(data)


@pytest.mark.parametrize("data", [b"", b"<html>", b"[", b"\xff", b"[" * 200_000])
def test_what_is_no_json_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable, match="not JSON"):
        read_json(data)
    with pytest.raises(Unreadable, match="not JSON"):
        read_json_list(data)


def test_json_of_another_kind_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="not an object"):
        read_json(b"[]")
    with pytest.raises(Unreadable, match="not a list"):
        read_json_list(b"{}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05+00:00"),
        ("2026-01-02T03:04:05.123+02:00", "2026-01-02T01:04:05.123000+00:00"),
        ("2026-01-02T03:04:05", "2026-01-02T03:04:05+00:00"),
        ("0001-01-01T00:00:00+14:00", "None"),
        ("yesterday", "None"),
        ("", "None"),
    ],
)
def test_moments_are_read_in_utc(text: str, expected: str) -> None:
    found = moment_of({"published": text}, "published")

    assert (found.isoformat() if found else "None") == expected
