"""Which versions a channel lets in, which version comes next, and how people name packages on a command line. Pure.

Source: resources.md §8 (channel rules, versioning strategy), §11 (package specifications).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import regex

from octavo.base.errors import Invalid
from octavo.executor.templates import TemplateError, Variables
from octavo.executor.versions import Version, find_version, newest_first, parse_range

REGEX_SECONDS = 1.0
FIRST_VERSION = "0.0.1"
_SEPARATORS = ":/="


@dataclass(frozen=True, slots=True)
class ChannelRule:
    """What versions a channel takes for some actions' packages. Empty texts take all."""

    version_range: str
    tag: str
    packages: frozenset[tuple[str, str]]  # (action name, package reference), casefolded


def rules_of(channel: Mapping[str, Any]) -> tuple[ChannelRule, ...]:
    """The rules of a channel's document."""
    return tuple(
        ChannelRule(
            str(rule.get("VersionRange") or ""),
            str(rule.get("Tag") or ""),
            frozenset(
                (str(each.get("DeploymentAction") or "").casefold(), str(each.get("PackageReference") or "").casefold())
                for each in rule.get("ActionPackages") or ()
            ),
        )
        for rule in channel.get("Rules") or ()
    )


def rule_for(rules: Iterable[ChannelRule], action_name: str, reference: str) -> ChannelRule | None:
    """The rule that speaks of this package reference."""
    key = (action_name.casefold(), reference.casefold())
    return next((rule for rule in rules if key in rule.packages), None)


def satisfies(rule: ChannelRule, version: Version) -> bool:
    """Whether the rule lets this version in.

    Raises:
        Invalid: the rule's range or tag cannot be read.
    """
    try:
        if rule.version_range and version not in parse_range(rule.version_range):
            return False
        return not rule.tag or regex.search(rule.tag, ".".join(version.labels), timeout=REGEX_SECONDS) is not None
    except (ValueError, regex.error, TimeoutError) as error:
        raise Invalid(f"The channel's rule '{rule.version_range} {rule.tag}' cannot be used: {error}") from None


def next_version(template: str, known: Sequence[str], channel_name: str = "") -> str:
    """The version that a template gives after the known ones.

    The template may use `#{Octopus.Version.LastMajor}`, `…NextPatch` and so on, and masks: `1.2.i` counts up.

    Raises:
        Invalid: it gives no version.
    """
    versions = newest_first([version for text in known if (version := find_version(text)) is not None])
    last = versions[0] if versions else None
    if template.strip():
        try:
            text = Variables(_version_variables(last, channel_name)).evaluate(template).text
        except TemplateError as error:
            raise Invalid(f"The project's version template '{template}' cannot be evaluated: {error}") from error
        text = _unmasked(text, last)
    else:
        text = FIRST_VERSION if last is None else _counted_up(last)
    if find_version(text) is None:
        raise Invalid(f"The project's version template '{template}' gives '{text}', which is no version.")
    return text


def _version_variables(last: Version | None, channel_name: str) -> dict[str, str]:
    numbers = last.numbers if last is not None else (0, 0, 0, 0)
    values = {"Octopus.Release.Channel.Name": channel_name, "Octopus.Version.Channel.Name": channel_name}
    for prefix in ("Octopus.Version.", "Octopus.Version.Channel."):
        for name, number in zip(("Major", "Minor", "Patch", "Build", "Revision"), (*numbers, numbers[3]), strict=True):
            values[f"{prefix}Last{name}"] = str(number)
            values[f"{prefix}Next{name}"] = str(number + 1)
        values[f"{prefix}LastSuffix"] = "-" + ".".join(last.labels) if last is not None and last.labels else ""
    return values


def _unmasked(text: str, last: Version | None) -> str:
    """`i` counts up, `c` keeps the last release's number, in a dotted version."""
    core, dash, rest = text.partition("-")
    numbers = last.numbers if last is not None else (0, 0, 0, 0)
    parts = [
        str(numbers[place] + 1) if part == "i" else (str(numbers[place]) if part == "c" else part)
        for place, part in enumerate(core.split(".")[:4])
    ]
    return ".".join(parts) + dash + rest


def _counted_up(last: Version) -> str:
    core = last.text.partition("-")[0].partition("+")[0].split(".")
    return ".".join([*core[:-1], str(int(core[-1].lstrip("v") or 0) + 1)])


@dataclass(frozen=True, slots=True)
class PackageChoice:
    """A version for what `step_or_package` and `reference` name; "*" names anything."""

    step_or_package: str
    reference: str
    version: str


def parse_package_choice(text: str) -> PackageChoice:
    r"""`Step:1.0`, `Package:1.0` or `Step:Reference:1.0`; also with `/` or `=`, and `\` before a separator in a name.

    Raises:
        Invalid: it has too few or too many parts, or no version.
    """
    parts, current, is_escaped = [], "", False
    for character in text:
        if is_escaped:
            current, is_escaped = current + character, False
        elif character == "\\":
            is_escaped = True
        elif character in _SEPARATORS:
            parts.append(current.strip())
            current = ""
        else:
            current += character
    parts.append(current.strip())
    if not 2 <= len(parts) <= 3 or find_version(parts[-1]) is None:
        raise Invalid(f"The package '{text}' should look like Step:1.0.0, Package:1.0.0 or Step:Reference:1.0.0.")
    reference = parts[1] if len(parts) == 3 else "*"
    return PackageChoice(parts[0] or "*", reference or "*", parts[-1])


def chosen_version(
    choices: Sequence[PackageChoice], default: str, action_name: str, reference: str, package_id: str
) -> str | None:
    """The version that was asked for, the most exact choice first; `default` where none fits; None without."""

    def fits(wanted: str, *names: str) -> bool:
        return wanted == "*" or any(wanted.casefold() == name.casefold() for name in names)

    fitting = [
        choice
        for choice in choices
        if fits(choice.step_or_package, action_name, package_id) and fits(choice.reference, reference, package_id)
    ]
    fitting.sort(key=lambda choice: (choice.step_or_package == "*", choice.reference == "*"))
    if fitting:
        return fitting[0].version
    return default or None
