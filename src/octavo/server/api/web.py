"""The web interface: its built files at `/app`, and `/` which sends browsers there.

`make web` puts the files into `server/web_files`; the wheel carries them. Without them `/app` says how to make them.
Every page of the interface has an address of its own below `/app`; all of them are the one document `index.html`.
Source: DESIGN §2; the headers: OWASP's list of secure headers (no inline script, no framing, no sniffing).
"""

import mimetypes
import shutil
from html import escape
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse

from octavo.base.errors import NotFound
from octavo.server.api.normalisation import decoded_segment

router = APIRouter(include_in_schema=False)  # pages for people, no part of the API

#: The built interface: package data, made by `make web`.
WEB_FILES = Path(__file__).resolve().parents[1] / "web_files"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_ALWAYS = "public, max-age=31536000, immutable"  # names below `assets` carry the digest of their bytes
_ASK_FIRST = "no-cache"
_MISSING = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Octavo: the pages are not built</title></head>
<body>
<h1>Octavo runs; its pages are not built yet</h1>
<p>This server runs from its sources. The web interface is made from <code>web/</code> by one command, which needs
Node.js 20.19 or newer{node}:</p>
<pre>make web</pre>
<p>Then load this page again; the server need not be restarted. Wheels carry the pages ready-made.
The REST API works without them: <a href="/api">/api</a>.</p>
</body>
</html>
"""


def has_pages(folder: Path = WEB_FILES) -> bool:
    """Whether the interface is built."""
    return (folder / "index.html").is_file()


@router.get("/app")
async def get_app() -> Response:
    """The web interface."""
    return _document(WEB_FILES)


@router.get("/app/{path:path}")
async def get_page(path: str, request: Request) -> Response:
    """A file of the web interface; any other address is one of its pages."""
    return find_answer(WEB_FILES, path, request.headers.get("accept-encoding", ""))


def find_answer(folder: Path, path: str, accepted: str = "") -> Response:
    """What is at `path` below `/app`.

    Raises:
        NotFound: an asset that this build does not have; answering with a page would confuse a browser.
    """
    file = (folder / decoded_segment(path)).resolve()
    if path and file.is_relative_to(folder) and file.is_file() and file.name != "index.html":
        is_asset = file.is_relative_to(folder / "assets")
        headers = _HEADERS | {"Cache-Control": _ALWAYS if is_asset else _ASK_FIRST, "Vary": "Accept-Encoding"}
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        packed = file.with_name(file.name + ".gz")
        if "gzip" in accepted and packed.is_file():
            return FileResponse(packed, media_type=kind, headers=headers | {"Content-Encoding": "gzip"})
        return FileResponse(file, media_type=kind, headers=headers)
    if path.startswith("assets/"):
        raise NotFound(f"This version of the pages has no {path}. Load the page again.")
    return _document(folder)


def redirect_to_pages() -> Response:
    """Send a browser to the interface."""
    return RedirectResponse("/app", status_code=302, headers={"Cache-Control": "no-store", "Vary": "Accept"})


def _document(folder: Path) -> Response:
    headers = _HEADERS | {"Cache-Control": _ASK_FIRST}
    if has_pages(folder):
        return FileResponse(folder / "index.html", media_type="text/html", headers=headers)
    return HTMLResponse(_MISSING.format(node=_about_node()), status_code=503, headers=headers)


def _about_node() -> str:
    node = shutil.which("node")
    return f" (there is one at {escape(node)})" if node else "; there is none on this machine's PATH"
