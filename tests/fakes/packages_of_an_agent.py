"""Packages as they lie in an agent's `Files`, and values as service messages hold them."""

import base64
import hashlib
import zipfile
from pathlib import Path

from octavo.executor.plan import PackagePlan


def a_package(folder: Path, members: dict[str, str], reference: str = "", extract: bool = True) -> PackagePlan:
    """A package that lies in the agent's `Files`."""
    path = folder / "Files" / f"Acme.1.0{len(list(folder.glob('Files/*')))}.zip"
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    return PackagePlan(reference, "Acme", "1.0", path.name, len(data), digest, extract, path=f"~home/Files/{path.name}")


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
