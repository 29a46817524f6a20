"""What a service message asks the server to do. Pure: message in, request out; the engine acts on it.

Messages without what they need have no effect and are no error. Whoever sends what we do not know, or do not do, is
told so in the log: nothing is swallowed that somebody may wait for.

Source: script-execution.md §1.5–1.7.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from octavo.server.domain.service_messages import Level, ServiceMessage


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
    return list(find_effects(message.attributes)) if find_effects is not None else []


def remark_on(message: ServiceMessage) -> tuple[Level, str] | None:
    """What the log says of a message: progress, or that nothing comes of it; None: nothing need be said."""
    if message.name == "progress":
        shown = _progress(message.attributes)
        return (Level.INFO, f"{shown[0].percentage} %: {shown[0].message}".rstrip(": ")) if shown else None
    if message.name in _EFFECTS and not message.name.startswith("create-"):
        return None
    if message.name in _NOT_DONE or message.name.startswith("create-"):
        return Level.WARNING, f"The message '{message.name}' has no effect: this server does not do what it asks for."
    if message.name in _OF_EXECUTORS:
        return None
    return Level.VERBOSE, f"The message '{message.name}' is not known to this server and has no effect."


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


def _progress(attributes: Mapping[str, str]) -> list[ShowProgress]:
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


#: What a script may wait for in vain. All that begins with `create-` belongs to it.
_NOT_DONE = frozenset({"createStepPackageTarget", "delete-target", "set-environmentstate"})
#: What executors tell of themselves; nobody waits for anything.
_OF_EXECUTORS = frozenset(
    {
        *("calamari-found-package", "foundPackage", "deltaVerification", "calamari-timed-operation"),
        *("calamari-deployment-metric", "calamari-script-isolation-alert", "k8s-status", "k8s-manifest-applied"),
        *("pull-request-created", "argocd-files-updated", "claude-code-usage", "claude-code-transcript"),
    }
)
_EFFECTS: Mapping[str, Callable[[Mapping[str, str]], Sequence[ScriptEffect]]] = {
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
