"""How a client's JSON becomes a document that we store.

A kind's model declares its members with their defaults. Reading is forgiving: member names in any case, `null` means
the default unless the member may be null, unknown members are kept as they came. Writing is strict: PascalCase, every
declared member present. Source: API conventions, rules 7 and 8, sections 3, 7 and 8.
"""

from collections.abc import Mapping
from functools import cache
from types import NoneType
from typing import Any, ClassVar, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.alias_generators import to_pascal

from octavo.base.errors import Invalid

Json = dict[str, Any]


class Document(BaseModel):
    """A resource or a part of one, as its JSON has it."""

    model_config = ConfigDict(alias_generator=to_pascal, populate_by_name=True, extra="allow", validate_default=True)

    #: What a person calls it, in messages.
    noun: ClassVar[str] = "document"

    @model_validator(mode="before")
    @classmethod
    def _read_forgivingly(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        members, nullable = _members(cls)
        read: Json = {}
        for name, value in data.items():
            member = members.get(str(name).lower(), str(name))
            if value is None and member in members.values() and member not in nullable:
                continue
            read[member] = value
        return read


Model = TypeVar("Model", bound=Document)


class SensitiveValue(Document):
    """A secret as the API shows and takes it: never the value in an answer."""

    has_value: bool = False
    new_value: str | None = None
    hint: str | None = None


def parse(model: type[Model], data: object) -> Model:
    """The model that `data` describes.

    Raises:
        Invalid: with one sentence a member that is wrong.
    """
    if not isinstance(data, dict):
        raise Invalid(f"The body must be a JSON object that describes a {model.noun}.")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise Invalid("There was a problem with your request.", _sentences(model, error)) from None


def as_json(document: Document) -> Json:
    """The document with PascalCase members, unknown ones included, as JSON values."""
    return document.model_dump(mode="json", by_alias=True)


@cache
def defaults_of(model: type[Document]) -> Json:
    """The members that have a default, for documents stored before a member was invented. Do not change the result."""
    fields = model.model_fields.items()
    return {
        field.alias or name: _plain(field.get_default(call_default_factory=True, validated_data={}))
        for name, field in fields
        if not field.is_required()
    }


def without_members(data: Mapping[str, Any], names: frozenset[str]) -> Json:
    """`data` without the members in `names` (lower case), whatever their case in `data`."""
    return {name: value for name, value in data.items() if name.lower() not in names}


def _plain(value: object) -> object:
    return as_json(value) if isinstance(value, Document) else value


@cache
def _members(model: type[Document]) -> tuple[dict[str, str], frozenset[str]]:
    """The members by lower-case name, and those that may be null."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    nullable = frozenset(
        name for name, field in fields.items() if NoneType in get_args(field.annotation) or field.annotation is Any
    )
    return {name.lower(): name for name in fields}, nullable


def _sentences(model: type[Document], error: ValidationError) -> list[str]:
    sentences = []
    for problem in error.errors(include_url=False):
        where = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "missing":
            sentences.append(f"Please provide a {where} for the {model.noun}.")
        else:
            what = problem["msg"].removeprefix("Value error, ")
            sentences.append(f"{where}: {what}." if where else f"{what}")
    return sentences
