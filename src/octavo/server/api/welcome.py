"""What is at the server's bare address: the way to the web interface, or a page that says how to go on without it."""

from html import escape

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from octavo import __version__
from octavo.server.api.dependencies import services_of
from octavo.server.api.web import has_pages, redirect_to_pages

router = APIRouter()

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Octavo</title>
<style>body{{font:16px/1.6 system-ui,sans-serif;max-width:44rem;margin:4rem auto;padding:0 1rem;color:#1d2433}}
code{{background:#eef1f6;padding:.1em .35em;border-radius:4px}}
pre code{{display:block;padding:1em;overflow:auto}}</style>
</head>
<body>
<h1>Octavo {version} is running</h1>
<p>This server has a REST API at <a href="/api"><code>/api</code></a>; pages for people are at
<a href="/app"><code>/app</code></a>.</p>
<p>With an API key (<code>octavo api-key create --user admin</code>) you can see what it did, and give it work:</p>
<pre><code>curl -H "X-Octopus-ApiKey: API-…" {address}/api/tasks
curl -H "X-Octopus-ApiKey: API-…" {address}/api/tasks/ServerTasks-1/raw</code></pre>
</body>
</html>
"""


@router.get("/")
async def get_welcome(request: Request) -> Response:
    """Browsers go on to the web interface; where it is not built, a page says how to go on."""
    if has_pages() and "text/html" in request.headers.get("accept", ""):
        return redirect_to_pages()
    address = services_of(request).external_url or str(request.base_url)
    return HTMLResponse(_PAGE.format(version=__version__, address=escape(address.rstrip("/"))))
