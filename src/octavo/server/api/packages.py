"""The built-in feed over HTTP: push, list, download, delete; searches in a feed; and the workers' own download.

Source: endpoints.md §9; resources.md §14; conventions §7 (upload statuses), §9 (the text for a duplicate).
"""

from pathlib import Path
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, RedirectResponse

from octavo.base.errors import NotAuthenticated, NotFound
from octavo.server.api.answers import JsonAnswer, nothing
from octavo.server.api.dependencies import SpaceContext, SystemContext, services_of
from octavo.server.api.downloads import BlobResponse
from octavo.server.api.normalisation import decoded_segment
from octavo.server.api.paging import many_of, page, window_of
from octavo.server.api.uploads import read_upload
from octavo.server.blobs import BlobStore
from octavo.server.feeds.feed import FeedVersion
from octavo.server.operations import packages as feed
from octavo.server.operations.build_information import find_of_package
from octavo.server.operations.context import OperationContext
from octavo.server.operations.documents import Json
from octavo.server.operations.external_feeds import find_external_feed
from octavo.server.operations.kinds.feeds import FEEDS
from octavo.server.operations.moments import moment
from octavo.server.operations.resources import get_resource
from octavo.server.packages.tokens import fetch_tokens
from octavo.server.store.fetched_packages import FetchedPackage
from octavo.server.store.packages import PackageQuery, StoredPackage

router = APIRouter(tags=["packages"])

PRESIGNED_SECONDS = 3600


@router.post("/api/packages/raw")
async def push(request: Request, context: SpaceContext) -> Response:
    """Put a package into the feed: 201 when it is stored, 200 when an existing one was left alone."""
    mode = feed.parse_overwrite_mode(request.query_params.get("overwritemode"), request.query_params.get("replace"))
    upload = await read_upload(request)
    pushed = await feed.push_package(context, upload.file_name, upload.chunks, mode, spool_of(request))
    document = package_json(pushed.package, await feed.get_feed_id(context), with_notes=True)
    return JsonAnswer(document, status_code=201 if pushed.is_stored else 200)


@router.get("/api/packages")
async def list_page(request: Request, context: SpaceContext) -> Response:
    """A page of packages, newest first."""
    query, window = request.query_params, window_of(request.query_params)
    package_id = query.get("nugetpackageid")
    wanted = PackageQuery(
        context.space_id,
        package_ids=(package_id,) if package_id else (),
        id_part=query.get("filter", ""),
        is_latest_only=_is_true(query.get("latest")),
        skip=window.skip,
        take=window.take,
    )
    found, total = await feed.list_packages(context, wanted)
    feed_id, with_notes = await feed.get_feed_id(context), _is_true(query.get("includenotes"))
    items = [package_json(package, feed_id, with_notes=with_notes) for package in found]
    path = f"/api/{context.space_id}/packages"
    return JsonAnswer(page("Package", items, total, window, path=path, filters=query.multi_items()))


@router.get("/api/packages/notes")
async def list_notes(request: Request, context: SpaceContext) -> Response:
    """The release notes of packages, by their ids."""
    ids = many_of(request.query_params.getlist("packageids"))
    found = [await feed.get_package(context, id_) for id_ in ids]
    feed_id = await feed.get_feed_id(context)
    return JsonAnswer({"Packages": [_notes_json(package, feed_id) for package in found]})


@router.delete("/api/packages/bulk")
async def delete_many(request: Request, context: SpaceContext) -> Response:
    """Delete packages by their ids; ids that are not there are passed over."""
    await feed.delete_packages(context, many_of(request.query_params.getlist("ids")))
    return nothing()


@router.get("/api/packages/{key}")
async def get(key: str, request: Request, context: SpaceContext) -> Response:
    """One package."""
    package = await feed.get_package(context, decoded_segment(key))
    with_notes = _is_true(request.query_params.get("includenotes"))
    shown = package_json(package, await feed.get_feed_id(context), with_notes=with_notes)
    build = await find_of_package(context, package.package_id, package.version)
    return JsonAnswer({**shown, "PackageVersionBuildInformation": build})


@router.delete("/api/packages/{key}")
async def delete(key: str, context: SpaceContext) -> Response:
    """Delete a package and its bytes."""
    package = await feed.get_package(context, decoded_segment(key))
    await feed.delete_packages(context, [package.id])
    return nothing()


@router.get("/api/packages/{key}/raw")
@router.head("/api/packages/{key}/raw")
async def download(key: str, context: SpaceContext) -> Response:
    """The package's bytes, or a range of them."""
    return package_bytes(context.blobs, await feed.get_package(context, decoded_segment(key)))


@router.get("/api/packages/{package_id}/{version}/delta-signature")
async def get_delta_signature(package_id: str, version: str, _: SpaceContext) -> Response:
    """None: clients then upload the whole file."""
    raise NotFound(f"There is no delta signature for {package_id} {version}. Upload the whole package.")


@router.get("/api/feeds/stats")
async def get_stats(context: SystemContext) -> Response:
    """How many packages there are."""
    return JsonAnswer({"TotalPackages": await feed.count_packages(context)})


@router.get("/api/feeds/{key}/packages/versions")
async def search_versions(key: str, request: Request, context: SpaceContext) -> Response:
    """A page of one package's versions, newest first."""
    feed_id = await _feed_id(context, key)
    query, window = request.query_params, window_of(request.query_params)
    external = await find_external_feed(context, feed_id)
    wanted = feed.VersionFilter(
        text=query.get("filter", ""),
        pre_release_tag=query.get("prereleasetag", ""),
        version_range=query.get("versionrange", ""),
        include_pre_release=query.get("includeprerelease", "true").lower() != "false",
    )
    if external is not None:
        versions = await feed.list_external_versions(context, external, query.get("packageid", ""), wanted)
        shown = [_external_version_json(version, feed_id) for version in versions]
    else:
        found = await feed.list_versions(context, query.get("packageid", ""), wanted)
        shown = [_version_json(package, feed_id) for package in found]
    items = shown[window.skip : window.skip + window.take]
    path = f"/api/{context.space_id}/feeds/{feed_id}/packages/versions"
    return JsonAnswer(page("PackageVersion", items, len(shown), window, path=path, filters=query.multi_items()))


@router.get("/api/feeds/{key}/packages/search")
async def search_packages(key: str, request: Request, context: SpaceContext) -> Response:
    """A page of packages whose id contains the term, each with its latest version."""
    feed_id = await _feed_id(context, key)
    query, window = request.query_params, window_of(request.query_params)
    path = f"/api/{context.space_id}/feeds/{feed_id}/packages/search"
    versions_path = path.replace("search", "versions")
    term = query.get("term", "")
    if (external := await find_external_feed(context, feed_id)) is not None:
        others = await feed.search_external(context, external, term, window.skip, window.take)
        total = window.skip + len(others)  # such feeds do not tell how many there are in all
        items = [_description_json(each.package_id, each.description, each.latest_version, versions_path)
                 for each in others]  # fmt: skip
    else:
        wanted = PackageQuery(context.space_id, id_part=term, is_latest_only=True, skip=window.skip, take=window.take)
        found, total = await feed.list_packages(context, wanted)
        items = [_description_json(each.package_id, each.description, each.version, versions_path) for each in found]
    return JsonAnswer(page("PackageDescription", items, total, window, path=path, filters=query.multi_items()))


@router.get("/api/worker-packages/{sha256}")
async def download_for_worker(sha256: str, request: Request) -> Response:
    """A package's bytes for the worker whose token this is; from the object store itself where there is one."""
    parts = services_of(request).parts
    package = await _granted(request, sha256)
    url = await parts.blobs.presigned_url(package.blob_name, PRESIGNED_SECONDS)
    return RedirectResponse(url) if url is not None else package_bytes(parts.blobs, package)


@router.get("/api/worker-packages/{sha256}/delta/{base}")
async def download_delta_for_worker(sha256: str, base: str, request: Request) -> Response:
    """What turns the package `base`, which the worker has, into the one whose token this is; 404: fetch it whole."""
    services = services_of(request)
    package = await _granted(request, sha256)
    old = await feed.find_content(services.parts.store, base)
    is_other_version = old is not None and (old.space_id, old.package_id.casefold()) == (
        package.space_id,
        package.package_id.casefold(),
    )
    delta = await services.deltas.get(old, package) if old is not None and is_other_version else None
    if delta is None:
        raise NotFound("There is no delta from that version, or it would not be worth it. Fetch the whole package.")
    return FileResponse(delta.path, media_type="application/octet-stream")


async def _granted(request: Request, sha256: str) -> StoredPackage | FetchedPackage:
    """The package that the request's token lets its bearer fetch.

    Raises:
        NotAuthenticated: it lets nobody, or not any more.
        NotFound: the package is gone.
    """
    parts = services_of(request).parts
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    grant = fetch_tokens(parts.vault).find_grant(token.strip(), sha256, parts.clock.now())
    if kind.lower() != "bearer" or grant is None:
        raise NotAuthenticated("This token does not allow to fetch this package, or its time is over.")
    package = await feed.find_content(parts.store, sha256)
    if package is None:
        raise NotFound("The package is no longer in the feed. Was it deleted or overwritten after the task was made?")
    return package


def spool_of(request: Request) -> Path:
    """Where uploads lie until they are checked: on the volume of the blobs."""
    return services_of(request).spool


def package_bytes(blobs: BlobStore, package: StoredPackage | FetchedPackage) -> Response:
    """The package as an answer."""
    return BlobResponse(blobs, package.blob_name, package.size_bytes, package.file_name, package.sha256)


def package_json(package: StoredPackage, feed_id: str, *, with_notes: bool) -> Json:
    """The API's Package. `ReleaseNotes` stays null in lists: the Go client reads it as a date there."""
    path = f"/api/{package.space_id}/packages/{package.id}"
    return {
        "Id": package.id,
        "SpaceId": package.space_id,
        "PackageId": package.package_id,
        "Version": package.version,
        "FileExtension": package.extension,
        "FeedId": feed_id,
        "NuGetPackageId": package.package_id,
        "NuGetFeedId": feed_id,
        "Title": package.title,
        "Summary": None,
        "Description": package.description,
        "Published": moment(package.published_at),
        "ReleaseNotes": package.release_notes if with_notes else None,
        "PackageSizeBytes": package.size_bytes,
        "Hash": package.sha1,
        "Sha256": package.sha256,
        "PackageVersionBuildInformation": None,
        "Links": {"Self": path, "Raw": f"{path}/raw"},
    }


def _version_json(package: StoredPackage, feed_id: str) -> Json:
    return {
        "Id": package.id,
        "PackageId": package.package_id,
        "Version": package.version,
        "FeedId": feed_id,
        "Published": moment(package.published_at),
        "ReleaseNotes": package.release_notes,
        "SizeBytes": package.size_bytes,
        "Title": package.title or package.package_id,
        "Links": {"Self": f"/api/{package.space_id}/packages/{package.id}"},
    }


def _external_version_json(version: FeedVersion, feed_id: str) -> Json:
    return {
        "Id": f"{feed_id}/{version.package_id}/{version.version}",
        "PackageId": version.package_id,
        "Version": version.version,
        "FeedId": feed_id,
        "Published": moment(version.published_at) if version.published_at else None,
        "ReleaseNotes": version.release_notes or None,
        "SizeBytes": version.size_bytes,
        "Title": version.title or version.package_id,
        "Links": {},
    }


def _description_json(package_id: str, description: str | None, latest: str, versions_path: str) -> Json:
    return {
        "Id": package_id,
        "Name": package_id,
        "Description": description,
        "LatestVersion": latest,
        "Links": {
            "SearchPackageVersionsTemplate": f"{versions_path}?packageId={quote(package_id, safe='')}"
            "{&take,skip,includePreRelease,versionRange,preReleaseTag,filter,includeReleaseNotes}"
        },
    }


def _notes_json(package: StoredPackage, feed_id: str) -> Json:
    notes = {"Succeeded": True, "Notes": package.release_notes, "DisplayMessage": None, "FailureReason": None}
    return {"FeedId": feed_id, "PackageId": package.package_id, "Version": package.version, "Notes": notes}


async def _feed_id(context: OperationContext, key: str) -> str:
    """The feed of this id, slug or old fixed name.

    Raises:
        NotFound: the space has no such feed.
    """
    name = decoded_segment(key)
    if name.lower() == feed.BUILT_IN_FEED:
        return await feed.get_feed_id(context)
    return str((await get_resource(context, FEEDS, name))["Id"])


def _is_true(text: str | None) -> bool:
    return (text or "").lower() == "true"
