"""Values and their spelling on the wire."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.halibut_peers import Colour, Note, Ticket
from octavo.halibut import DataStream, Long
from octavo.halibut.core.codec import (
    Unreadable,
    decode_annotated,
    decode_uuid,
    encode_annotated,
    encode_uuid,
    format_timespan,
    parse_timespan,
)
from octavo.halibut.core.messages import decode_document, encode_document

GUID = UUID("8c381b65-bb84-4e47-a84b-d665b55f8b7f")
NOTE = Note(
    text="t", ticket=Ticket("T-1"), small=5, large=Long(6), is_new=True, colour=Colour.DARK_BLUE,
    span=timedelta(seconds=90), moment=datetime(2024, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC), id=GUID, body=b"\x01",
    tags=("a", "b"), parts=(Ticket("T-2"),), names={"Bash": "echo"}, remark=None,
)  # fmt: skip


def test_members_are_written_in_declaration_order_with_the_type_first() -> None:
    """halibut 17: objects annotated at the top only, scalars never."""
    document = encode_annotated(Note, NOTE, [])

    assert list(document)[:3] == ["$type", "Text", "Ticket"]
    assert document["$type"] == "Tests.Note, Tests"
    assert document["Ticket"] == {"TaskId": "T-1"}
    assert encode_annotated(str, "x", []) == "x"


def test_scalars_have_the_width_and_form_of_their_declared_type() -> None:
    """halibut 19."""
    raw = encode_document(encode_annotated(Note, NOTE, []))

    assert b"\x10Small\x00\x05\x00\x00\x00" in raw
    assert b"\x12Large\x00\x06\x00\x00\x00\x00\x00\x00\x00" in raw
    assert b"\x10Colour\x00\x01\x00\x00\x00" in raw
    assert b"\x02Span\x00\x09\x00\x00\x0000:01:30\x00" in raw
    assert b"\x09Moment\x00" + (1704164645678).to_bytes(8, "little") in raw
    assert b"\x05Body\x00\x01\x00\x00\x00\x00\x01" in raw


def test_a_guid_travels_in_dotnet_byte_order() -> None:
    """halibut 18."""
    assert bytes(encode_uuid(GUID)).hex() == "651b388c84bb474ea84bd665b55f8b7f"
    assert encode_uuid(GUID).subtype == 4
    assert decode_uuid(encode_uuid(GUID)) == decode_uuid(str(GUID)) == GUID


def test_a_note_survives_the_wire() -> None:
    document = decode_document(encode_document(encode_annotated(Note, NOTE, [])))

    assert decode_annotated(Note, document, {}) == NOTE


def test_member_names_match_in_any_case_and_unknown_ones_are_ignored() -> None:
    """halibut 20."""
    document = {"$type": "Tests.Note, Tests", "text": "x", "TICKET": {"taskid": "T", "More": [1]}, "Other": {"a": 1}}

    note = decode_annotated(Note, document, {})

    assert (note.text, note.ticket) == ("x", Ticket("T"))


def test_absent_and_null_members_get_their_defaults() -> None:
    """halibut 20."""
    document = {"$type": "Tests.Note, Tests", "Ticket": {"TaskId": None}, "Tags": None}

    note = decode_annotated(Note, document, {})

    assert (note.text, note.ticket.task_id, note.tags, note.colour, note.moment) == ("", "", (), Colour.RED, None)


@pytest.mark.parametrize(
    "name", ["Tests.Note, Tests", "Tests.Note,Tests", "Tests.Old.Note, Tests.Old",
             "Tests.Note, Tests, Version=1.0.0.0, Culture=neutral, PublicKeyToken=null"]
)  # fmt: skip
def test_every_spelling_of_a_type_is_read(name: str) -> None:
    """halibut 17."""
    assert decode_annotated(Note, {"$type": name, "Ticket": {}}, {}).ticket == Ticket("")


@pytest.mark.parametrize(
    "value",
    [
        {"$type": "System.IO.FileInfo, mscorlib"},
        {"$type": "Tests.Ticket, Tests"},
        {"$type": 5},
        {"$type": "x" * 100_000},
        {"Ticket": {}, "$type": "Tests.Note, Tests"},
        {"Ticket": {}},
        [],
        "text",
        None,
        {"$type": "Tests.Note, Tests"},
        {"$type": "Tests.Note, Tests", "Ticket": []},
        {"$type": "Tests.Note, Tests", "Ticket": {}, "Small": 2**31},
        {"$type": "Tests.Note, Tests", "Ticket": {}, "Small": True},
        {"$type": "Tests.Note, Tests", "Ticket": {}, "Colour": 7},
        {"$type": "Tests.Note, Tests", "Ticket": {}, "Colour": {}},
        {"$type": "Tests.Note, Tests", "Ticket": {}, "Span": "soon"},
        {"$type": "Tests.Note, Tests", "Ticket": {}, "Moment": "soon"},
        {"$type": "Tests.Note, Tests", "Ticket": {}, "Id": "no guid"},
        {"$type": "Tests.Note, Tests", "Ticket": {}, "Parts": [1]},
        {"$type": "Tests.Note, Tests", "Ticket": {}, "Names": [1]},
    ],
)
def test_what_is_not_the_declared_type_is_never_made(value: object) -> None:
    """halibut 21."""
    with pytest.raises(Unreadable):
        decode_annotated(Note, value, {})


def test_numbers_of_any_width_are_read() -> None:
    """halibut 19: and whole doubles, enum names, dates as text."""
    document = {
        "$type": "Tests.Note, Tests", "Ticket": {}, "Small": bson.Int64(3), "Large": 4.0, "Colour": "DarkBlue",
        "Moment": "2024-01-02T03:04:05+10:00",
    }  # fmt: skip

    note = decode_annotated(Note, document, {})

    assert (note.small, note.large, note.colour) == (3, 4, Colour.DARK_BLUE)
    assert note.moment == datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=10)))


@pytest.mark.parametrize(
    ("hint", "value", "written"),
    [
        (tuple[str, ...], ("a",), {"$type": "System.String[], mscorlib", "$values": ["a"]}),
        (bytes, b"a", {"$type": "System.Byte[], mscorlib", "$value": b"a"}),
        (str | None, None, None),
        (type(None), None, None),
    ],
)
def test_framework_types_are_written_with_mscorlib_and_read_with_any_assembly(
    hint: Any, value: object, written: Any
) -> None:
    """halibut 17."""
    assert encode_annotated(hint, value, []) == written
    if isinstance(written, dict):
        written = {**written, "$type": written["$type"].replace("mscorlib", "System.Private.CoreLib")}
    assert decode_annotated(hint, written, {}) == value


def test_data_streams_are_collected_in_document_order_and_found_by_id() -> None:
    """halibut 22."""
    stream = DataStream.from_bytes(b"abc")
    sent: list[DataStream] = []

    document = encode_annotated(DataStream, stream, sent)

    assert document == {"$type": "Halibut.DataStream, Halibut", "id": encode_uuid(stream.id), "length": 3}
    assert sent == [stream]
    assert decode_annotated(DataStream, document, {stream.id: stream}) is stream
    with pytest.raises(Unreadable):
        decode_annotated(DataStream, document, {uuid4(): stream})


def test_what_does_not_fit_is_refused_when_written() -> None:
    with pytest.raises(ValueError, match="32 bits"):
        encode_annotated(Note, Note("", Ticket(""), small=2**31), [])
    with pytest.raises(ValueError, match="time zone"):
        encode_annotated(Note, Note("", Ticket(""), moment=datetime(2024, 1, 1)), [])
    with pytest.raises(TypeError, match="@wire_type"):
        encode_annotated(object, object(), [])


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(), "00:00:00"),
        (timedelta(seconds=90), "00:01:30"),
        (timedelta(days=1, hours=2, minutes=3, seconds=4, milliseconds=5), "1.02:03:04.0050000"),
        (-timedelta(hours=36), "-1.12:00:00"),
    ],
)
def test_a_timespan_has_its_constant_format(span: timedelta, text: str) -> None:
    assert format_timespan(span) == text
    assert parse_timespan(text) == span


@given(st.timedeltas(min_value=timedelta(days=-10_675_199), max_value=timedelta(days=10_675_199)))
def test_any_timespan_survives(span: timedelta) -> None:
    assert parse_timespan(format_timespan(span)) == span
