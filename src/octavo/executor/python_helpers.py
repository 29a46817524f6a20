"""The functions a Python step may call: script-execution.md §2.6.2. This text opens every composed Python file.

It runs on the worker's python3 (3.6 or newer), with the standard library only, and leaves few names behind.
"""
# Names are the contract's, and os.path keeps the start of a script cheap.
# ruff: noqa: PTH109, PTH113, PTH118, PTH119, PTH202, N803

import base64 as _base64
import builtins as _builtins
import json as _json
import linecache as _linecache
import os as _os
import sys as _sys
import types as _types

octopusvariables = {}  # type: dict[str, str]
_OCTAVO_HELPERS = (
    *("octopusvariables", "get_octopusvariable", "set_octopusvariable", "createartifact", "updateprogress"),
    *("failstep", "printverbose", "printhighlight", "printwait", "printwarning", "encode", "decode"),
)


def encode(value: object) -> str:
    return _base64.b64encode(str(value).encode("utf-8")).decode("ascii")


def decode(value: str) -> str:
    return _base64.b64decode(value).decode("utf-8")


def get_octopusvariable(key: str) -> str:
    return octopusvariables.get(key, "")


def set_octopusvariable(name: str, value: str, sensitive: bool = False) -> None:
    octopusvariables[name] = value
    attributes = {"name": name, "value": value}
    if sensitive:
        attributes["sensitive"] = "True"
    _octavo_message("setVariable", attributes)


def createartifact(path: str, fileName: "str | None" = None) -> None:
    path = _os.path.realpath(str(path))
    name = fileName or _os.path.basename(path)
    length = _os.path.getsize(path) if _os.path.isfile(path) else 0
    printverbose(f"Artifact {name} will be collected from {path} after this step completes")
    _octavo_message("createArtifact", {"path": path, "name": name, "length": length})


def updateprogress(progress: int, message: "str | None" = None) -> None:
    _octavo_message("progress", {"percentage": progress, "message": message or ""})


def failstep(message: "str | None" = None) -> None:
    if message:
        _octavo_message("resultMessage", {"message": message})
    _sys.exit(-1)


def printverbose(message: object) -> None:
    _octavo_wrapped("verbose", message)


def printhighlight(message: object) -> None:
    _octavo_wrapped("highlight", message)


def printwait(message: object) -> None:
    _octavo_wrapped("wait", message)


def printwarning(message: object) -> None:
    _octavo_wrapped("warning", message)


def _octavo_message(name: str, attributes: "dict[str, object] | dict[str, str]") -> None:
    encoded = "".join(f" {key}='{encode(value)}'" for key, value in attributes.items())
    _octavo_write(f"##octopus[{name}{encoded}]\n")


def _octavo_wrapped(level: str, message: object) -> None:
    _octavo_write(f"##octopus[stdout-{level}]\n{message}\n##octopus[stdout-default]\n")


def _octavo_write(text: str) -> None:
    _sys.stdout.write(text)
    _sys.stdout.flush()


def _octavo_prepare(payload: str) -> "_types.CodeType":
    """Read what was composed and say where we are; returns the compiled user script."""
    given = _json.loads(_base64.b64decode(payload).decode("utf-8"))
    for stream in (_sys.stdout, _sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    octopusvariables.update(given["variables"])
    for name in _OCTAVO_HELPERS:  # also for script modules, which have globals of their own
        setattr(_builtins, name, globals()[name])
    path = _os.path.join(_os.getcwd(), "Script.py")
    _sys.excepthook = _octavo_show
    _linecache.cache[path] = (len(given["script"]), None, given["script"].splitlines(True), path)
    if __name__ == "__main__":
        _sys.argv = [path, *given["parameters"]]
        if given["logs_environment"]:
            version = _sys.version.replace("\n", " ")
            printverbose(f"Python environment:\n  Python: {version}\n  CurrentDirectory: {_os.getcwd()}")
    return compile(given["script"], path, "exec", dont_inherit=True)


def _octavo_show(kind: "type[BaseException]", error: BaseException, trace: "_types.TracebackType | None") -> None:
    """Print the traceback with the script's own lines (only the traceback module knows them), without our frame."""
    import traceback

    traceback.print_exception(kind, error, trace.tb_next if trace is not None else None)
