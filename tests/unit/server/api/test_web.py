"""The web interface's files over HTTP: headers, caching, pages' addresses, and what is said when they are not built."""

import gzip
from pathlib import Path

import pytest
from fastapi.responses import FileResponse, HTMLResponse

from octavo.base.errors import NotFound
from octavo.server.api.web import find_answer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A built interface, as small as can be."""
    assets = tmp_path / "assets"
    assets.mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>")
    (assets / "index-1a2b.js").write_text("run()")
    (assets / "index-1a2b.js.gz").write_bytes(gzip.compress(b"run()"))
    return tmp_path


def test_assets_are_kept_for_ever_and_come_packed_to_who_can_unpack(folder: Path) -> None:
    packed = find_answer(folder, "assets/index-1a2b.js", "gzip, br")
    plain = find_answer(folder, "assets/index-1a2b.js")

    assert "immutable" in packed.headers["cache-control"]
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["content-type"].startswith("text/javascript")
    assert "content-encoding" not in plain.headers


@pytest.mark.parametrize("path", ["", "index.html", "Spaces-1/tasks/ServerTasks-1", "../secret", "assets"])
def test_any_other_address_is_the_document_and_asked_for_anew(folder: Path, path: str) -> None:
    answer = find_answer(folder, path)

    assert isinstance(answer, FileResponse)
    assert Path(answer.path) == folder / "index.html"
    assert answer.headers["cache-control"] == "no-cache"


def test_no_file_outside_the_folder_is_served(folder: Path) -> None:
    (folder.parent / "secret.txt").write_text("secret")
    answer = find_answer(folder, "..%2Fsecret.txt")

    assert isinstance(answer, FileResponse)
    assert Path(answer.path) == folder / "index.html"


def test_an_asset_of_another_build_is_not_answered_with_a_page(folder: Path) -> None:
    with pytest.raises(NotFound, match="Load the page again"):
        find_answer(folder, "assets/index-old.js")


@pytest.mark.parametrize("path", ["", "assets/index-1a2b.js"])
def test_every_answer_forbids_inline_scripts_framing_and_sniffing(folder: Path, path: str) -> None:
    headers = find_answer(folder, path).headers

    assert "script-src 'self';" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def test_without_built_files_the_page_says_what_to_run(tmp_path: Path) -> None:
    answer = find_answer(tmp_path, "")

    assert isinstance(answer, HTMLResponse)
    assert answer.status_code == 503
    assert b"make web" in answer.body
    assert b"Node.js" in answer.body
