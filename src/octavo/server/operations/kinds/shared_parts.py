"""Parts that several documents of projects have. Source: resources.md §8."""

import uuid
from typing import Any, Literal, Self

from pydantic import model_validator

from octavo.server.operations.documents import Document


class ConnectivityPolicy(Document):
    """What a deployment does about machines that are not there."""

    skip_machine_behavior: Literal["None", "SkipUnavailableMachines"] = "None"
    target_roles: list[str] = []
    allow_deployments_to_no_targets: bool = False
    exclude_unhealthy_targets: bool = False


class TemplateParameter(Document):
    """A value that each tenant gives for itself."""

    id: str = ""
    name: str
    label: str | None = None
    help_text: str | None = None
    default_value: Any = None
    display_settings: dict[str, Any] = {}

    @model_validator(mode="after")
    def _has_an_id(self) -> Self:
        if not self.id:
            self.__dict__["id"] = str(uuid.uuid4())
        return self


TenantedMode = Literal["Untenanted", "TenantedOrUntenanted", "Tenanted"]
GuidedFailureMode = Literal["EnvironmentDefault", "Off", "On"]
