"""What the contracts look like on the wire, as official peers write and read it. Source: tentacle-services §1, §2."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from octavo.contracts.capabilities import CAPABILITIES_SERVICE_V2, CapabilitiesResponseV2
from octavo.contracts.file_transfer import FILE_TRANSFER_SERVICE, UploadResult
from octavo.contracts.script_service_v1 import (
    SCRIPT_SERVICE_V1,
    CancelScriptCommand,
    CompleteScriptCommand,
    ScriptStatusRequest,
    ScriptStatusResponse,
    StartScriptCommand,
)
from octavo.contracts.script_service_v2 import (
    SCRIPT_SERVICE_V2,
    ScriptStatusRequestV2,
    ScriptStatusResponseV2,
    StartScriptCommandV2,
)
from octavo.contracts.scripts import (
    ProcessOutput,
    ProcessOutputSource,
    ProcessState,
    ScriptFile,
    ScriptIsolationLevel,
    ScriptTicket,
)
from octavo.halibut import Contract, DataStream, Long
from octavo.halibut.core.codec import Unreadable, decode_annotated, encode_annotated
from octavo.halibut.core.messages import encode_document
from octavo.halibut.core.methods import methods_of
from octavo.halibut.core.wire_types import WIRE_NAMES

TICKET = ScriptTicket("mY3tick3t")
LINE = ProcessOutput(ProcessOutputSource.DEBUG, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "hello")
STATUS = ScriptStatusResponseV2(TICKET, (LINE,), Long(7), ProcessState.COMPLETE, 0)
LEGACY = (
    StartScriptCommand,
    ScriptStatusRequest,
    CancelScriptCommand,
    CompleteScriptCommand,
    ScriptStatusResponse,
    ScriptTicket,
    ScriptFile,
    UploadResult,
)
SCRIPT_METHODS = {"StartScript", "GetStatus", "CancelScript", "CompleteScript"}


@pytest.mark.parametrize(
    ("contract", "name", "methods"),
    [
        (CAPABILITIES_SERVICE_V2, "ICapabilitiesServiceV2", {"GetCapabilities"}),
        (SCRIPT_SERVICE_V1, "IScriptService", SCRIPT_METHODS),
        (SCRIPT_SERVICE_V2, "IScriptServiceV2", SCRIPT_METHODS),
        (FILE_TRANSFER_SERVICE, "IFileTransferService", {"UploadFile", "DownloadFile"}),
    ],
)
def test_services_and_methods_have_the_names_of_the_interface(
    contract: Contract[Any], name: str, methods: set[str]
) -> None:
    """services 1: never a method name that ends in Async."""
    assert contract.name == name
    assert {method.wire_name for method in methods_of(contract).values()} == methods


def test_only_the_outermost_document_names_its_type() -> None:
    """services 2: tickets, files, lines and dictionaries inside have no `$type`."""
    document = encode_annotated(StartScriptCommandV2, _command(), [])

    assert next(iter(document)) == "$type"
    assert "ScriptServiceV2.StartScriptCommandV2" in document["$type"]
    assert len(re.findall(rb"\$type", encode_document(document))) == 1


def test_members_are_written_in_the_original_order() -> None:
    """services 2, §2.1: what .NET writes, in its order."""
    document = encode_annotated(StartScriptCommandV2, _command(), [])

    expected = (
        "$type ScriptTicket ScriptBody TaskId DurationToWaitForScriptToFinish Isolation ScriptIsolationMutexTimeout "
        "IsolationMutexName Scripts Files Arguments"
    )
    assert " ".join(document) == expected


@pytest.mark.parametrize("cls", LEGACY)
def test_old_types_are_written_under_their_old_name_and_read_under_both(cls: type[Any]) -> None:
    """services 3."""
    name = WIRE_NAMES[cls]

    assert name.name == f"Octopus.Shared.Contracts.{cls.__name__}, Octopus.Shared"
    assert name.also_read == (f"Octopus.Tentacle.Contracts.{cls.__name__}, Octopus.Tentacle.Contracts",)


def test_a_ticket_under_its_new_name_is_read() -> None:
    """services 3: with a version suffix too."""
    name = "Octopus.Tentacle.Contracts.ScriptTicket, Octopus.Tentacle.Contracts, Version=9.0.0.0, Culture=neutral"

    assert decode_annotated(ScriptTicket, {"$type": name, "TaskId": "mY3tick3t"}, {}) == TICKET


def test_values_have_the_binary_form_of_the_contract() -> None:
    """services 4: int32 enums, int64 sequences, a BSON date; TimeSpans are strings."""
    status = encode_document(encode_annotated(ScriptStatusResponseV2, STATUS, []))
    command = encode_annotated(StartScriptCommandV2, _command(), [])

    assert b"\x10State\x00\x02\x00\x00\x00" in status
    assert b"\x12NextLogSequence\x00\x07\x00\x00\x00\x00\x00\x00\x00" in status
    assert b"\x09Occurred\x00" in status
    assert b"\x10Source\x00\x02\x00\x00\x00" in status
    assert command["DurationToWaitForScriptToFinish"] == "00:00:05"
    assert command["ScriptIsolationMutexTimeout"] == "1.12:00:00"


def test_a_file_in_a_command_travels_as_a_stream_with_a_guid() -> None:
    """services 4: the id is binary subtype 4 in mixed byte order."""
    streams: list[DataStream] = []
    document = encode_annotated(StartScriptCommandV2, _command(files=(_file(),)), streams)

    contents = document["Files"][0]["Contents"]
    assert contents["id"].subtype == 4
    assert bytes(contents["id"]) == streams[0].id.bytes_le
    assert contents["length"] == 17


def test_scripts_are_keyed_by_the_syntaxs_name() -> None:
    """services 5."""
    assert encode_annotated(StartScriptCommandV2, _command(), [])["Scripts"] == {"Bash": "echo hi"}


def test_strangeness_in_a_command_does_not_break_reading() -> None:
    """services 6: unknown members, missing optional ones, another case."""
    document = {
        "$type": WIRE_NAMES[StartScriptCommandV2].name,
        "scripttICKET": {"taskID": "mY3tick3t", "Colour": "blue"},
        "scriptBody": "echo hi",
        "TaskId": "ServerTasks-1",
        "Isolation": 0,
        "FromTheFuture": [1, {"a": None}],
    }

    command = decode_annotated(StartScriptCommandV2, document, {})

    assert command.script_ticket == TICKET
    assert command.duration_to_wait_for_script_to_finish is None
    assert command.arguments == ()


def test_a_type_that_is_not_listed_is_rejected() -> None:
    """services 7."""
    document = {"$type": "System.Diagnostics.Process, System", "Ticket": {"TaskId": "t"}, "LastLogSequence": 0}

    with pytest.raises(Unreadable, match="Process"):
        decode_annotated(ScriptStatusRequestV2, document, {})


def test_capabilities_come_back_as_they_were_sent() -> None:
    answer = CapabilitiesResponseV2(("IScriptService", "IFileTransferService", "IScriptServiceV2"))

    assert decode_annotated(CapabilitiesResponseV2, encode_annotated(CapabilitiesResponseV2, answer, []), {}) == answer


def _command(files: tuple[ScriptFile, ...] = ()) -> StartScriptCommandV2:
    return StartScriptCommandV2(
        script_ticket=TICKET,
        script_body="Write-Host hi",
        task_id="ServerTasks-123",
        duration_to_wait_for_script_to_finish=timedelta(seconds=5),
        isolation=ScriptIsolationLevel.NO_ISOLATION,
        script_isolation_mutex_timeout=timedelta(hours=36),
        isolation_mutex_name="RunningScript",
        scripts={"Bash": "echo hi"},
        files=files,
    )


def _file() -> ScriptFile:
    return ScriptFile("vars.json", DataStream.from_bytes(bytes(17)))
