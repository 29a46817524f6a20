"""The executor as one file, for agents that do not have our code: `python3 octavo-executor-….pyz PLAN`.

Deterministic: the same sources give the same bytes, so the file's name can carry its digest and one upload serves
every later step. With it goes the YAML parser, which is pure Python. Members have a fixed time.
"""

import io
import zipfile
from importlib import metadata
from importlib.resources import files
from importlib.resources.abc import Traversable

_MAIN = "import sys\n\nfrom octavo.executor.commands import main\n\nraise SystemExit(main(sys.argv[1:]))\n"
_FIXED_TIME = (2020, 1, 1, 0, 0, 0)


def build_zipapp() -> bytes:
    """The bytes of the executor's zipapp."""
    sources = {"octavo/__init__.py": b"", "octavo/executor/__init__.py": b"", "__main__.py": _MAIN.encode()}
    sources |= _sources(files("octavo.executor"), "octavo/executor")
    sources |= {"ruamel/__init__.py": b""} | _sources(files("ruamel.yaml"), "ruamel/yaml")
    sources["ruamel/yaml/LICENSE"] = _license("ruamel.yaml")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(sources):
            member = zipfile.ZipInfo(name, _FIXED_TIME)
            member.external_attr = 0o644 << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, sources[name])
    return buffer.getvalue()


def _sources(folder: Traversable, name: str) -> dict[str, bytes]:
    """The sources in a folder and below it, by their path."""
    found: dict[str, bytes] = {}
    for each in folder.iterdir():
        path = f"{name}/{each.name}"
        if each.name.endswith((".py", ".sh", ".ps1")):
            found[path] = each.read_bytes()
        elif each.is_dir() and not each.name.startswith("__"):
            found |= _sources(each, path)
    return found


def _license(distribution: str) -> bytes:
    """What has to go with copies of a package."""
    found = [each for each in metadata.files(distribution) or () if each.name == "LICENSE"]
    return found[0].read_binary() if found else b""
