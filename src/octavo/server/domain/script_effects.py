"""What a service message asks the server to do. Pure: message in, request out; the engine acts on it.

Unknown names and messages without what they need have no effect and are no error.

Source: script-execution.md §1.5, §1.7.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from octavo.server.domain.service_messages import ServiceMessage


@dataclass(frozen=True, slots=True)
class SetOutputVariable:
    """Keep an output variable. A sensitive value is masked from now on."""

    name: str
    value: str = field(repr=False)
    is_sensitive: bool


@dataclass(frozen=True, slots=True)
class CollectArtifact:
    """Fetch a file from the worker after the script ended, before its workspace goes. `path` is absolute there."""

    path: str
    name: str


@dataclass(frozen=True, slots=True)
class ShowProgress:
    """Show how far the step is."""

    percentage: int
    message: str


@dataclass(frozen=True, slots=True)
class SetFailureText:
    """Should the script fail, say this instead of its exit code."""

    message: str


@dataclass(frozen=True, slots=True)
class MaskValue:
    """Mask this value in this task from now on."""

    value: str = field(repr=False)


ScriptEffect = SetOutputVariable | CollectArtifact | ShowProgress | SetFailureText | MaskValue


def effects_of(message: ServiceMessage) -> list[ScriptEffect]:
    """What the server does for this message, masks first."""
    find_effects = _EFFECTS.get(message.name)
    return find_effects(message.attributes) if find_effects is not None else []


def _set_variable(attributes: Mapping[str, str]) -> list[ScriptEffect]:
    name, value = attributes.get("name"), attributes.get("value")
    if name is None or value is None:
        return []
    is_sensitive = attributes.get("sensitive", "").lower() == "true"
    masks: list[ScriptEffect] = [MaskValue(value)] if is_sensitive else []
    return [*masks, SetOutputVariable(name, value, is_sensitive)]


def _create_artifact(attributes: Mapping[str, str]) -> list[ScriptEffect]:
    path, name = attributes.get("path"), attributes.get("name")
    return [CollectArtifact(path, name)] if path and name else []


def _progress(attributes: Mapping[str, str]) -> list[ScriptEffect]:
    message = attributes.get("message")
    try:
        percentage = int(attributes.get("percentage", ""))
    except ValueError:
        return []
    return [ShowProgress(percentage, message)] if message is not None else []


def _result_message(attributes: Mapping[str, str]) -> list[ScriptEffect]:
    message = attributes.get("message")
    return [SetFailureText(message)] if message else []


def _mask(attributes: Mapping[str, str]) -> list[ScriptEffect]:
    value = attributes.get("value")
    return [MaskValue(value)] if value else []


def _mask_secrets_of_an_account(attributes: Mapping[str, str]) -> list[ScriptEffect]:
    return [MaskValue(attributes[key]) for key in ("token", "password", "secretkey", "azpassword") if key in attributes]


_EFFECTS: Mapping[str, Callable[[Mapping[str, str]], list[ScriptEffect]]] = {
    "setVariable": _set_variable,
    "createArtifact": _create_artifact,
    "progress": _progress,
    "resultMessage": _result_message,
    "mask": _mask,
    "create-tokenaccount": _mask_secrets_of_an_account,
    "create-userpassaccount": _mask_secrets_of_an_account,
    "create-awsaccount": _mask_secrets_of_an_account,
    "create-azureaccount": _mask_secrets_of_an_account,
}
