"""Links are URI templates, of which clients know a subset of RFC 6570. Pure.

Parameters that a template does not name vanish silently: that is the rule of all clients of this API.
Source: tentacle-cli §6.1.
"""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

Value = str | int | bool | Sequence[str] | None

_EXPRESSION = re.compile(r"\{([+/?&]?)([^}]*)\}")


def expand(template: str, values: Mapping[str, Value] | None = None) -> str:
    """The template with these values put in; names in any case, lists joined by commas."""
    by_name = {name.lower(): value for name, value in (values or {}).items() if value is not None}
    return _EXPRESSION.sub(lambda match: _expand_one(match[1], match[2].split(","), by_name), template)


def _expand_one(operator: str, names: Sequence[str], values: Mapping[str, Value]) -> str:
    safe = "/:?#[]@!$&'()*+,;=" if operator == "+" else ""
    found = [(name, _encode(values[name.lower()], safe)) for name in names if name.lower() in values]
    if not found:
        return ""
    if operator in ("?", "&"):
        return operator + "&".join(f"{name}={text}" for name, text in found)
    texts = [text for _, text in found]
    return "/" + "/".join(texts) if operator == "/" else ",".join(texts)


def _encode(value: Value, safe: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int) or value is None:
        return quote(str(value), safe=safe)
    return ",".join(quote(one, safe=safe) for one in value)
