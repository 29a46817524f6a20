"""Freezing: what a release or a runbook snapshot will run is copied once and never changes.

Decision: docs/decisions/0080-projects-and-deployments.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.executor.versions import find_version, newest_first, parse_version
from octavo.server.domain.executions import SelectedPackage
from octavo.server.domain.processes import RELEASES_FEED, PackageReference, steps_of
from octavo.server.domain.version_rules import ChannelRule, PackageChoice, chosen_version, rule_for, satisfies
from octavo.server.operations.external_feeds import VersionsNeeded, VersionsOfFeeds, is_external
from octavo.server.store.packages import PackageQuery, list_packages
from octavo.server.store.packages import find_version as find_stored_version
from octavo.server.store.processes import freeze_process, get_process
from octavo.server.store.project_schema import projects, releases
from octavo.server.store.resources import Document, Query, find_document, list_documents
from octavo.server.store.schema import feeds
from octavo.server.store.variable_sets import freeze_variable_set, variable_set_id


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which package versions were asked for: single ones, one for all the rest, those a channel's rules let in."""

    choices: Sequence[PackageChoice] = ()
    default: str = ""
    rules: Sequence[ChannelRule] = ()
    ignores_rules: bool = False
    external: VersionsOfFeeds = field(default_factory=dict)


async def freeze_variables(connection: AsyncConnection, project: Document) -> list[str]:
    """Frozen copies of the project's variables and of those of its library sets, in this order."""
    owners = [project.id, *project.doc["IncludedLibraryVariableSetIds"]]
    return [await freeze_variable_set(connection, variable_set_id(owner)) for owner in owners]


async def freeze_steps(connection: AsyncConnection, process_id: str) -> str:
    """A frozen copy of the process."""
    return await freeze_process(connection, process_id)


async def select_packages(
    connection: AsyncConnection, space_id: str, process_id: str, wanted: Wanted
) -> list[SelectedPackage]:
    """A version for each package reference of a process.

    Raises:
        Invalid: there is none that fits; the message names step, package and why.
    """
    process = await get_process(connection, process_id)
    selected = []
    for step in steps_of(process.doc):
        for action in step.actions:
            if action.is_disabled:
                continue
            for package in action.packages:
                if "#{" in package.package_id + package.feed_id:
                    continue  # known only when the deployment runs
                rule = None if wanted.ignores_rules else rule_for(wanted.rules, action.name, package.name)
                asked = package.version or chosen_version(
                    wanted.choices, wanted.default, action.name, package.name, package.package_id
                )
                version = await _find(
                    connection, space_id, package, asked, rule=rule, action_name=action.name, external=wanted.external
                )
                selected.append(SelectedPackage(action.name, package.name, version))
    return selected


async def _find(
    connection: AsyncConnection,
    space_id: str,
    package: PackageReference,
    asked: str | None,
    *,
    rule: ChannelRule | None,
    action_name: str,
    external: VersionsOfFeeds,
) -> str:
    if package.feed_id == RELEASES_FEED:
        return await _find_release(connection, space_id, package.package_id, asked, action_name)
    place = f"The step '{action_name}' needs the package {package.package_id}"
    feed = await find_document(connection, feeds, package.feed_id, space_id) if package.feed_id else None
    if feed is not None and is_external(feed):
        return asked or _newest_of(feed, package, external, rule, place)
    if asked:
        version = find_version(asked)
        stored = version and await find_stored_version(connection, space_id, package.package_id, version.sort_key)
        if not stored:
            raise Invalid(f"{place} {asked}, which is not in the built-in feed. Push it first, or choose another.")
        if rule is not None and not satisfies(rule, parse_version(stored.version)):
            raise Invalid(f"{place} {asked}, which the channel's rules refuse. Choose another channel or version.")
        return stored.version
    query = PackageQuery(space_id, package_ids=(package.package_id,), take=None)
    stored_packages, _ = await list_packages(connection, query)
    versions = newest_first([parse_version(each.version) for each in stored_packages])
    for each in versions:
        if rule is None or satisfies(rule, each):
            return each.text
    lack = "no version in the built-in feed satisfies the channel's rules" if versions else "the built-in feed has none"
    raise Invalid(f"{place}, but {lack}. Push one, or choose a version.")


def _newest_of(
    feed: Document, package: PackageReference, external: VersionsOfFeeds, rule: ChannelRule | None, place: str
) -> str:
    """The newest version of a package of an external feed that the rule lets in."""
    versions = external.get((feed.id, package.package_id.casefold()))
    if versions is None:
        raise VersionsNeeded(feed.id, package.package_id)
    for text in versions:
        version = find_version(text)
        if rule is None or (version is not None and satisfies(rule, version)):
            return text
    lack = "has no version that satisfies the channel's rules" if versions else "does not have it"
    raise Invalid(f"{place}, but the feed {feed.name} {lack}. Publish one there, or choose a version.")


async def _find_release(
    connection: AsyncConnection, space_id: str, project_id: str, asked: str | None, action_name: str
) -> str:
    """The version of another project's release: the one asked for, else the newest."""
    project = await find_document(connection, projects, project_id, space_id)
    if project is None:
        raise Invalid(f"The step '{action_name}' deploys the project {project_id}, which is not in this space.")
    newest = Query(conditions=(releases.c.project_id == project.id,), order_by=(releases.c.version_key.desc(),))
    names = [document.name for document in (await list_documents(connection, releases, newest)).documents]
    if asked and asked not in names:
        raise Invalid(f"The step '{action_name}' deploys {project.name} {asked}, which is no release. Create it first.")
    if not names:
        raise Invalid(f"The step '{action_name}' deploys {project.name}, which has no release yet. Create one first.")
    return asked or names[0]
