"""halibut 13: every vector decodes, and encodes to identical BSON. Source of each vector: vectors.json."""

import hashlib
import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from octavo.contracts.file_transfer import FILE_TRANSFER_SERVICE, UploadResult
from octavo.contracts.script_service_v2 import SCRIPT_SERVICE_V2
from octavo.halibut import DataStream, Endpoint, Limits, Long, Parcel, Thumbprint
from octavo.halibut.core.codec import decode_annotated, encode_annotated
from octavo.halibut.core.conversation import Conversation, Role
from octavo.halibut.core.events import Event, Identity, Kind, MessageEnd, Preamble, ServerIdentity, StreamData
from octavo.halibut.core.framing import Inbox, Inflater
from octavo.halibut.core.messages import (
    Request,
    Response,
    decode_document,
    decode_request,
    decode_response,
    encode_document,
    encode_message,
)
from octavo.halibut.core.methods import methods_of
from octavo.halibut.stubs import make_stub

VECTORS: dict[str, dict[str, Any]] = {
    vector["name"]: vector for vector in json.loads(Path(__file__).with_name("vectors.json").read_text())["vectors"]
}
RESPONSES = ("T1", "C2", "G4", "G5", "G6", "G7", "GA")


@pytest.mark.parametrize("name", VECTORS)
def test_a_vector_inflates_to_its_document_and_leaves_the_data_streams(name: str) -> None:
    document, rest = inflate(name)

    assert len(document) == VECTORS[name]["bson_len"]
    assert hashlib.sha256(document).hexdigest() == VECTORS[name]["bson_sha256"]
    assert rest.hex() == VECTORS[name].get("data_stream_hex", "")


@pytest.mark.parametrize("name", VECTORS)
def test_a_decoded_vector_encodes_to_identical_bson(name: str) -> None:
    document, _ = inflate(name)

    assert encode_document(decode_document(document)) == document


@pytest.mark.parametrize("name", ["G1", "G4", "G5"])
def test_messages_of_ours_are_written_as_the_reference_writes_them(name: str) -> None:
    document, _ = inflate(name)
    message = decode_response(document, 64) if name in RESPONSES else decode_request(document, 64)

    assert encode_message(message) == document


async def test_a_call_is_written_as_the_reference_writes_it() -> None:
    """halibut 17: `$type` first, legacy names, no annotation for scalars; compared with G3 but for its random ids."""
    sent: list[Parcel] = []

    async def carry(parcel: Parcel) -> Parcel:
        sent.append(parcel)
        return Parcel(Response("any", {"$type": "Octopus.Shared.Contracts.UploadResult, Octopus.Shared"}))

    expected = decode_document(inflate("G3")[0])["Message"]
    uri, thumbprint = expected["endpoint"]["BaseUri"], Thumbprint(expected["endpoint"]["RemoteThumbprint"])
    stub = make_stub(FILE_TRANSFER_SERVICE, Endpoint(uri, thumbprint), Limits(), carry)

    await stub.upload_file("/opt/files/hello.txt", DataStream.from_bytes(bytes(59)))

    written = decode_document(encode_message(sent[0].message))["Message"]
    for document in (written, expected):
        document["id"] = document["id"].partition(" / ")[0]
        document["activityId"] = document["params"][1]["id"] = None
    assert encode_document(written) == encode_document(expected)


def test_an_upload_result_is_read_and_written_under_its_legacy_name() -> None:
    response = decode_response(inflate("G6")[0], 64)

    result = decode_annotated(UploadResult, response.result, {})

    assert result == UploadResult("/opt/files/hello.txt", "da39a3ee", Long(59))
    assert encode_document(encode_annotated(UploadResult, result, [])) == encode_document(response.result)


def test_a_start_script_command_survives_decoding_and_encoding() -> None:
    request = decode_request(inflate("G8")[0], 64)
    assert isinstance(request, Request)
    hint = methods_of(SCRIPT_SERVICE_V2)["start_script"].parameters[0]
    streams = {stream_id: DataStream(b"abc", 3, stream_id) for stream_id in request.data_stream_ids}

    command = decode_annotated(hint, request.params[0], streams)

    assert len(streams) == 1
    assert encode_document(encode_annotated(hint, command, [])) == encode_document(request.params[0])


@pytest.mark.parametrize("name", ["C3", "G3"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 100, 10_000])
def test_a_request_with_its_data_stream_is_read_in_pieces_of_any_size(name: str, size: int) -> None:
    """halibut 14."""
    service = serving_conversation()
    wire = bytes.fromhex(VECTORS[name]["wire_hex"])

    events: list[Event] = []
    for start in range(0, len(wire), size):
        events += service.receive_data(wire[start : start + size])

    body = b"".join(bytes(event.data) for event in events if isinstance(event, StreamData))
    assert isinstance(events[0], Request)
    assert isinstance(events[-1], MessageEnd)
    assert body == bytes.fromhex(VECTORS[name]["data_stream_hex"])[24:-8]


@pytest.mark.parametrize("name", [name for name, vector in VECTORS.items() if vector["zlib6"]])
def test_what_we_deflate_inflates_to_the_same(name: str) -> None:
    """halibut 16: a raw block with its end marker."""
    from octavo.halibut.core.framing import deflate

    document, _ = inflate(name)

    reader = zlib.decompressobj(-15)
    assert reader.decompress(deflate(document)) == document
    assert reader.eof


def inflate(name: str) -> tuple[bytes, bytes]:
    inbox = Inbox()
    inbox.add(bytes.fromhex(VECTORS[name]["wire_hex"]))
    document = Inflater(1_000_000).read(inbox)
    assert document is not None
    return document, inbox.take(len(inbox))


def serving_conversation() -> Conversation:
    service = Conversation(Role.SERVING_LISTENER, Limits())
    caller = Conversation(Role.CALLING_DIALLER, Limits())
    for event in (Preamble(), Identity(Kind.CLIENT)):
        service.receive_data(b"".join(caller.send(event)))
    service.send(ServerIdentity())
    return service
