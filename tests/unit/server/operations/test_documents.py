"""server/operations/documents.py"""

from typing import ClassVar

import pytest
from pydantic import Field

from octavo.base.errors import Invalid
from octavo.server.operations.documents import Document, as_json, defaults_of, parse


class Part(Document):
    noun: ClassVar[str] = "part"

    name: str
    size_bytes: int = 1


class Thing(Document):
    noun: ClassVar[str] = "thing"

    name: str
    description: str | None = "none yet"
    tags: list[str] = Field(default_factory=list)
    parts: list[Part] = Field(default_factory=list)


def test_members_come_in_any_case_at_every_depth() -> None:
    thing = parse(Thing, {"NAME": "a", "parts": [{"name": "b", "sizebytes": 2}]})

    assert as_json(thing)["Parts"] == [{"Name": "b", "SizeBytes": 2}]


def test_null_means_the_default_unless_the_member_may_be_null() -> None:
    assert as_json(parse(Thing, {"Name": "a", "Tags": None, "Description": None})) == {
        "Name": "a",
        "Description": None,
        "Tags": [],
        "Parts": [],
    }


def test_unknown_members_are_kept_as_they_came() -> None:
    assert as_json(parse(Thing, {"Name": "a", "colour": {"x": None}}))["colour"] == {"x": None}


def test_every_fault_is_a_sentence() -> None:
    with pytest.raises(Invalid) as error:
        parse(Thing, {"Tags": "x", "Parts": [{"SizeBytes": 2}]})

    name, tags, part = error.value.errors
    assert name == "Please provide a Name for the thing."
    assert tags.startswith("Tags: ")
    assert "Parts.0.Name" in part


def test_only_an_object_describes_a_thing() -> None:
    with pytest.raises(Invalid, match="JSON object that describes a thing"):
        parse(Thing, [])


def test_defaults_are_what_an_old_document_lacks() -> None:
    assert defaults_of(Thing) == {"Description": "none yet", "Tags": [], "Parts": []}
