"""The executor as one file, for agents that do not have our code: `python3 octavo-executor-….pyz PLAN`.

Deterministic: the same sources give the same bytes, so the file's name can carry its digest and one upload serves
every later step. Members are stored, not deflated, with a fixed time.
"""

import io
import zipfile
from importlib.resources import files

_MAIN = "from octavo.executor.run import main\n\nraise SystemExit(main())\n"
_FIXED_TIME = (2020, 1, 1, 0, 0, 0)


def build_zipapp() -> bytes:
    """The bytes of the executor's zipapp."""
    sources = {"octavo/__init__.py": b"", "octavo/executor/__init__.py": b"", "__main__.py": _MAIN.encode()}
    for file in files("octavo.executor").iterdir():
        if file.name.endswith((".py", ".sh")):
            sources[f"octavo/executor/{file.name}"] = file.read_bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(sources):
            member = zipfile.ZipInfo(name, _FIXED_TIME)
            member.external_attr = 0o644 << 16
            archive.writestr(member, sources[name])
    return buffer.getvalue()
