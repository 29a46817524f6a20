"""What a browser sees at the server's address while there is no user interface: that it runs, and how to go on."""

from html import escape

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from octavo import __version__
from octavo.server.api.dependencies import services_of

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
<p>This server has a REST API at <a href="/api"><code>/api</code></a>; there are no pages for people yet.</p>
<p>With an API key (<code>octavo api-key create --user admin</code>) you can see what it did, and give it work:</p>
<pre><code>curl -H "X-Octopus-ApiKey: API-…" {address}/api/tasks
curl -H "X-Octopus-ApiKey: API-…" {address}/api/tasks/ServerTasks-1/raw</code></pre>
</body>
</html>
"""


@router.get("/")
async def get_welcome(request: Request) -> Response:
    """A page for people who open the server's address in a browser."""
    address = services_of(request).external_url or str(request.base_url)
    return HTMLResponse(_PAGE.format(version=__version__, address=escape(address.rstrip("/"))))
