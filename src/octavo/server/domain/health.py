"""When machines are checked, and what a check's answers mean.

Pure. Source: resources.md §4 (machine policy, health states); tentacle-cli.md §7; DESIGN §6.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from octavo.server.domain.backoff import recheck_delay_seconds
from octavo.server.domain.placement import Health
from octavo.server.domain.service_messages import Level
from octavo.server.domain.task_log import Line

_TIME_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})")
_DEFAULT_INTERVAL = timedelta(days=1)

#: What an agent without our facts service is asked; each line is `NAME=value`.
FACTS_SCRIPT = """\
echo "OperatingSystem=$( (. /etc/os-release && echo "$PRETTY_NAME") 2>/dev/null || uname -s)"
echo "Architecture=$(uname -m)"
echo "ShellName=Bash"
echo "ShellVersion=${BASH_VERSION%%(*}"
echo "TentacleVersion=$TentacleVersion"
"""
_FACTS = ("OperatingSystem", "Architecture", "ShellName", "ShellVersion")


@dataclass(frozen=True, slots=True)
class HealthPolicy:
    """What a machine policy says of checks. `script`: an own one, None: connectivity and facts only."""

    interval: timedelta | None = _DEFAULT_INTERVAL
    script: str | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """A machine as the schedule sees it. `failures`: how often it was unreachable in a row."""

    machine_id: str
    space_id: str
    health: Health
    is_disabled: bool
    checked_at: datetime | None
    skips_first_check: bool
    policy: HealthPolicy
    failures: int = 0
    is_suspect: bool = False


def health_policy(policy: Mapping[str, Any]) -> HealthPolicy:
    """What a machine policy's document says."""
    details = policy.get("MachineHealthCheckPolicy") or {}
    bash = details.get("BashHealthCheckPolicy") or {}
    runs_script = details.get("HealthCheckType", "RunScript") == "RunScript" and bash.get("RunType") == "Inline"
    script = str(bash.get("ScriptBody") or "").strip()
    interval = details.get("HealthCheckInterval", "1.00:00:00")
    return HealthPolicy(parse_time_span(interval) if interval else None, script if runs_script and script else None)


def parse_time_span(text: str) -> timedelta:
    """`hh:mm:ss` or `d.hh:mm:ss`; a day when it is neither."""
    match = _TIME_SPAN.match(text)
    if match is None:
        return _DEFAULT_INTERVAL
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def is_due(machine: Checked, now: datetime) -> bool:
    """Whether the machine should be checked now: new, suspected, unreachable for a while, or its interval is over."""
    if machine.is_disabled:
        return False
    if machine.checked_at is None:
        return not machine.skips_first_check or machine.is_suspect
    since = now - machine.checked_at
    if machine.health in (Health.UNAVAILABLE, Health.UNHEALTHY):
        return since >= timedelta(seconds=recheck_delay_seconds(machine.failures))
    if machine.is_suspect:
        return True
    return machine.policy.interval is not None and since >= machine.policy.interval


def read_facts(lines: Sequence[Line]) -> tuple[dict[str, object], str | None]:
    """The document members that `FACTS_SCRIPT` printed, and the agent's version."""
    pairs = dict(line.text.split("=", 1) for line in lines if "=" in line.text)
    return {name: pairs[name] for name in _FACTS if pairs.get(name)}, pairs.get("TentacleVersion") or None


def judge_script(exit_code: int, lines: Sequence[Line]) -> tuple[Health, str]:
    """What an own health script says of its machine."""
    if exit_code != 0:
        return Health.UNHEALTHY, f"The health check script failed with exit code {exit_code}."
    if any(line.category in (Level.WARNING.value, Level.ERROR.value) for line in lines):
        return Health.HAS_WARNINGS, "The health check script printed warnings."
    return Health.HEALTHY, "The machine is healthy."
