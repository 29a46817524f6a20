"""Step templates: actions to start from. Clients copy one into a process; its number counts the changes."""

from typing import Any, ClassVar

from octavo.base.errors import Invalid
from octavo.base.sensitive import Sensitive
from octavo.server.domain.permissions import Permission
from octavo.server.domain.vault import place
from octavo.server.operations.documents import Document, Json
from octavo.server.operations.kinds.shared_parts import TemplateParameter
from octavo.server.operations.resource_kinds import Change, ResourceKind, Rights
from octavo.server.store import project_schema

_SEALED = "Sealed"


class ActionTemplate(Document):
    """API: endpoints, section 5."""

    noun: ClassVar[str] = "step template"

    name: str
    slug: str = ""
    description: str | None = None
    action_type: str
    community_action_template_id: str | None = None
    properties: dict[str, Any] = {}
    packages: list[Any] = []
    git_dependencies: list[Any] = []
    parameters: list[TemplateParameter] = []


def _computed(template: Json, _: Any) -> Json:
    """Secrets among the properties and default values are never shown."""
    return {
        "Properties": {name: _shown(value) for name, value in template["Properties"].items()},
        "Parameters": [{**each, "DefaultValue": _shown(each.get("DefaultValue"))} for each in template["Parameters"]],
    }


async def _before_save(change: Change) -> None:
    if not change.new["ActionType"].strip():
        raise Invalid("Please say of which type the step template is, as ActionType.")
    old = change.old or {}
    change.new["Version"] = int(old.get("Version", -1)) + 1
    known = old.get("Properties", {})
    change.new["Properties"] = {
        name: _sealed(change, f"Properties.{name}", value, known.get(name))
        for name, value in change.new["Properties"].items()
        if value is not None
    }
    defaults = {each["Id"]: each.get("DefaultValue") for each in old.get("Parameters", ())}
    change.new["Parameters"] = [
        {
            **each,
            "DefaultValue": _sealed(
                change, f"Parameters.{each['Id']}", each.get("DefaultValue"), defaults.get(each["Id"])
            ),
        }
        for each in change.new["Parameters"]
    ]


def _sealed(change: Change, member: str, value: Any, known: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value.get("NewValue"):
        where = place(project_schema.action_templates.name, change.resource_id, member)
        return {_SEALED: change.context.vault.seal(Sensitive(str(value["NewValue"])), where)}
    return known if value.get("HasValue") and isinstance(known, dict) else None


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {"HasValue": bool(value.get(_SEALED)), "NewValue": None, "Hint": None}
    return value


ACTION_TEMPLATES = ResourceKind(
    item_type="ActionTemplate",
    path="actiontemplates",
    id_prefix="ActionTemplates",
    model=ActionTemplate,
    table=project_schema.action_templates,
    rights=Rights(
        Permission.ACTION_TEMPLATE_VIEW,
        Permission.ACTION_TEMPLATE_CREATE,
        Permission.ACTION_TEMPLATE_EDIT,
        Permission.ACTION_TEMPLATE_DELETE,
    ),
    links={"Self": "{self}"},
    server_owned={"Version": 0},
    computed=_computed,
    before_save=_before_save,
)
