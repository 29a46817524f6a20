"""What jobs can and cannot do to each other, to the agent and to the machine, at each level. Runs as root.

Source: DESIGN §5; docs/decisions/0021-confinement.md.
"""

import json
import os
import pwd
import subprocess
from pathlib import Path

import pytest

from agents_under_test.opened_agent import OpenedAgent, a_job, a_script, output, run_job, wait_for_path
from octavo.agent.confinement.accounts import NumberedAccounts, account_name, system_accounts
from octavo.agent.confinement.levels import ConfinementLevel, ConfinementOffer, ConfinementUnavailable
from octavo.agent.jobs.output_log import parse_entries
from octavo.agent.services.script_service_v2 import ScriptServiceTwo
from octavo.contracts.octavo_script_service import CancelJobCommand, JobLimits, JobStatus
from octavo.contracts.scripts import ExitCode, ProcessOutputSource, ProcessState, ScriptTicket
from octavo.halibut import Long

KEPT_APART = ("account", "sandbox")


@pytest.mark.parametrize("confinement", KEPT_APART)
async def test_a_job_cannot_read_another_owners_workspace(agent: OpenedAgent, confinement: str) -> None:
    """Two projects on one worker can neither read nor disturb each other (DESIGN §1.4)."""
    secret = a_job("echo secret > kept; touch ready; mkfifo go; read -r _ < go", "secret", confinement=confinement)
    await agent.ours.start_job(secret)
    await wait_for_path(agent.workspace("secret") / "ready")
    other = agent.workspace("secret")
    files = f"{other}/kept {other}/Bootstrap.sh {other}/Output.log"
    body = f"cat {files}; ls {other} {other.parent}; echo x > {other}/kept; true"

    status = await run_job(agent, a_job(body, "spy", confinement=confinement, owner="Projects-2"))

    lines = _lines(status)
    assert "secret" not in lines
    assert lines  # it was refused aloud
    assert all(
        "Permission denied" in line or "No such file" in line or line in {"spy", f"{other.parent}:"} for line in lines
    )
    assert (other / "kept").read_text() == "secret\n"
    await agent.ours.cancel_job(CancelJobCommand(ScriptTicket("secret")))


@pytest.mark.parametrize("confinement", KEPT_APART)
async def test_a_job_cannot_signal_another_owners_processes(agent: OpenedAgent, confinement: str) -> None:
    victim = a_job("echo $BASHPID > pid; touch ready; mkfifo go; read -r _ < go", "victim", confinement="account")
    await agent.ours.start_job(victim)
    await wait_for_path(agent.workspace("victim") / "ready")
    pid = (agent.workspace("victim") / "pid").read_text().strip()

    status = await run_job(
        agent, a_job(f"kill -9 {pid} 2>&1; echo $?", "attacker", confinement=confinement, owner="Projects-2")
    )

    assert _lines(status)[-1] == "1"
    assert Path(f"/proc/{pid}").exists()
    await agent.ours.cancel_job(CancelJobCommand(ScriptTicket("victim")))


@pytest.mark.parametrize("confinement", KEPT_APART)
async def test_a_job_cannot_read_the_agents_files_nor_rewrite_its_own_record(
    agent: OpenedAgent, confinement: str
) -> None:
    (agent.home / "config").write_text("private key")
    (agent.home / "config").chmod(0o600)
    body = f"""
cat {agent.home}/config
cat .octavo/job.json
echo forged >> Output.log
rm -f Output.log scriptstate.json
mv scriptstate.json gone
echo '{{"State":2}}' > scriptstate.json
true
"""

    status = await run_job(agent, a_job(body, confinement=confinement))

    assert status.exit_code == 0
    assert b"private key" not in status.log
    assert b'forged",' not in status.log
    state = json.loads((agent.workspace("ticket") / "scriptstate.json").read_bytes())
    assert (state["State"], state["ExitCode"]) == (2, 0)


async def test_a_sandboxed_job_sees_its_own_processes_and_temporary_files_only(agent: OpenedAgent) -> None:
    marker = Path(f"/tmp/octavo-test-{os.getpid()}")
    marker.write_text("outside")
    try:
        body = f"cat {marker}; touch /tmp/mine; touch /usr/mine; ls /proc | grep -c '^[0-9]'"

        status = await run_job(agent, a_job(body, confinement="sandbox"))
    finally:
        marker.unlink()

    *refused, processes = _lines(status)
    assert len(refused) == 2
    assert int(processes) < 10
    assert not Path("/tmp/mine").exists()


@pytest.mark.parametrize("confinement", KEPT_APART)
async def test_jobs_of_one_owner_share_a_home_that_stays(agent: OpenedAgent, confinement: str) -> None:
    """The owner's folder stands in for the agent's home, applications and HOME."""
    write = 'echo kept > "$HOME/note"; mkdir -p "$TentacleApplications/app"; [ "$HOME" = "$TentacleHome" ]'

    first = await run_job(agent, a_job(write, "first", confinement=confinement))
    second = await run_job(agent, a_job('cat "$HOME/note"; echo $USER', "second", confinement=confinement))

    assert first.exit_code == 0
    assert _lines(second) == ["kept", account_name(agent.home, "Projects-1")]


async def test_the_level_in_force_is_recorded(agent: OpenedAgent) -> None:
    status = await run_job(agent, a_job("true", confinement="best"))

    assert status.confinement == "sandbox"
    plan = json.loads((agent.workspace("ticket") / ".octavo" / "job.json").read_bytes())
    assert plan["confinement"] == "sandbox"


async def test_a_level_that_cannot_be_had_fails_the_job_and_says_why(agent: OpenedAgent) -> None:
    status = await run_job(agent, a_job("touch ran", confinement="vault"))

    assert (status.state, status.exit_code) == (ProcessState.COMPLETE, ExitCode.FATAL)
    assert b"The confinement 'vault' is not known. Known are: best, sandbox, account, none." in status.log
    assert not (agent.workspace("ticket") / "ran").exists()


def test_a_level_is_never_lowered() -> None:
    offer = ConfinementOffer({ConfinementLevel.SANDBOX: "bubblewrap (bwrap) is not installed."})

    with pytest.raises(ConfinementUnavailable, match=r"bwrap.* is not installed"):
        offer.choose("sandbox")
    assert offer.choose("best") is ConfinementLevel.ACCOUNT


async def test_limits_are_enforced_by_the_kernel(agent: OpenedAgent) -> None:
    limits = JobLimits(
        cpu_seconds=Long(100), memory_bytes=Long(1 << 30), processes=500, open_files=77, file_bytes=Long(4096)
    )
    body = "ulimit -t; ulimit -v; ulimit -u; ulimit -n; head -c 8192 /dev/zero > big"

    status = await run_job(agent, a_job(body, limits=limits))

    assert _lines(status)[:4] == ["100", str((1 << 30) // 1024), "500", "77"]
    assert (agent.workspace("ticket") / "big").stat().st_size == 4096
    assert status.exit_code != 0


async def test_standard_services_use_the_configured_level(agent: OpenedAgent) -> None:
    service = ScriptServiceTwo(agent.opened.jobs, "account")

    response = await service.start_script(a_script("id -u"))

    assert output(response) != ["0"]
    assert response.exit_code == 0


def test_named_accounts_stand_in_the_account_database(tmp_path: Path) -> None:
    accounts = system_accounts(tmp_path, tmp_path / "accounts.json", {})
    name = account_name(tmp_path, "Projects-1")
    try:
        made = accounts.get_account("Projects-1")
        again = accounts.get_account("Projects-1")

        assert (made, made.name) == (again, name)
        assert pwd.getpwuid(made.uid).pw_shell == "/usr/sbin/nologin"
    finally:
        subprocess.run(["userdel", name], capture_output=True, check=True)


def test_numbered_accounts_are_remembered_and_never_shared(tmp_path: Path) -> None:
    accounts = NumberedAccounts(Path("/home/one"), tmp_path / "accounts.json")
    first, second = accounts.get_account("Projects-1"), accounts.get_account("Projects-2")

    again = NumberedAccounts(Path("/home/one"), tmp_path / "accounts.json").get_account("Projects-1")

    assert again == first
    assert first.uid != second.uid
    elsewhere = NumberedAccounts(Path("/home/two"), tmp_path / "others.json").get_account("Projects-1")
    assert elsewhere.uid != first.uid


def _lines(status: JobStatus) -> list[str]:
    return [line.text for line in parse_entries(status.log)[3:] if line.source is not ProcessOutputSource.DEBUG]
