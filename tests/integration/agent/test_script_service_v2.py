"""`IScriptServiceV2` on real processes. Source: tentacle-services.md §4–§6, §12."""

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from agents_under_test.opened_agent import (
    QUICK,
    OpenedAgent,
    a_script,
    open_agent,
    output,
    texts,
    wait_for_path,
    wait_for_state,
)
from octavo.agent.jobs.disk_space import DiskShort
from octavo.agent.jobs.tickets import InvalidTicket
from octavo.contracts.script_service_v2 import CancelScriptCommandV2, CompleteScriptCommandV2, ScriptStatusRequestV2
from octavo.contracts.scripts import (
    ExitCode,
    ProcessOutput,
    ProcessOutputSource,
    ProcessState,
    ScriptFile,
    ScriptIsolationLevel,
    ScriptTicket,
)
from octavo.halibut import DataStream, Long

TICKET = ScriptTicket("ticket")


async def test_a_script_answers_with_its_lines_and_exit_code(agent: OpenedAgent) -> None:
    """services 10: a long wait ends with the script, and carries all its lines."""
    response = await agent.v2.start_script(a_script("echo out; echo err >&2; exit 7", wait_seconds=60))

    assert (response.state, response.exit_code) == (ProcessState.COMPLETE, 7)
    assert sorted(output(response)) == ["err", "out"]
    assert response.next_log_sequence == len(response.logs)


async def test_a_null_wait_answers_at_once(agent: OpenedAgent) -> None:
    """services 10: without a wait the answer does not wait for the script."""
    response = await agent.v2.start_script(a_script("mkfifo go; read -r _ < go", wait_seconds=None))

    assert response.state is not ProcessState.COMPLETE
    await agent.v2.cancel_script(CancelScriptCommandV2(TICKET, Long(0)))
    await wait_for_state(agent, "ticket", ProcessState.COMPLETE)


async def test_one_ticket_runs_once_when_started_again(agent: OpenedAgent) -> None:
    """services 9: sequential StartScript calls with one ticket, also in another case, run the script once."""
    body = "echo started >> ../../count"

    await agent.v2.start_script(a_script(body, "Ticket"))
    again = await agent.v2.start_script(a_script(body, "tICKET"))

    assert again.state is ProcessState.COMPLETE
    assert (agent.home / "count").read_text() == "started\n"
    assert again.logs[0].text == "##octopus[stdout-verbose]"


async def test_one_ticket_runs_once_when_started_at_the_same_time(agent: OpenedAgent) -> None:
    """services 9: concurrent StartScript calls with one ticket run the script once."""
    body = "echo started >> ../../count; echo done"

    answers = await asyncio.gather(
        *(agent.v2.start_script(a_script(body, ticket)) for ticket in ("same", "SAME", "Same", "same"))
    )

    assert (agent.home / "count").read_text() == "started\n"
    assert all(output(answer) == ["done"] for answer in answers)


async def test_an_unknown_ticket_is_complete_with_45(agent: OpenedAgent) -> None:
    """services 11: GetStatus and CancelScript answer −45, CompleteScript succeeds; no folder appears."""
    status = await agent.v2.get_status(ScriptStatusRequestV2(TICKET, Long(5)))
    cancelled = await agent.v2.cancel_script(CancelScriptCommandV2(TICKET, Long(5)))
    await agent.v2.complete_script(CompleteScriptCommandV2(TICKET))

    for answer in (status, cancelled):
        assert (answer.state, answer.exit_code) == (ProcessState.COMPLETE, ExitCode.UNKNOWN_SCRIPT)
        assert (answer.logs, answer.next_log_sequence) == ((), 5)
    assert not agent.workspace("ticket").exists()


async def test_complete_removes_the_workspace(agent: OpenedAgent) -> None:
    """services 13: CompleteScript removes Work/<ticket>, also what a script made hard to remove."""
    await agent.v2.start_script(a_script("mkdir -p a/b; touch a/b/c; chmod 0 a"))

    await agent.v2.complete_script(CompleteScriptCommandV2(TICKET))

    assert not agent.workspace("ticket").exists()
    status = await agent.v2.get_status(ScriptStatusRequestV2(TICKET, Long(0)))
    assert status.exit_code == ExitCode.UNKNOWN_SCRIPT


async def test_sequences_give_every_line_once_also_across_a_restart(home: Path) -> None:
    """services 14: NextLogSequence passed back yields no duplicates and no gaps, also over a restart of the agent."""
    body = "for i in $(seq 1 200); do echo line $i; done; read -r _ < <(tail -f go); echo last"
    lines: list[ProcessOutput] = []
    async with open_agent(home) as agent:
        await agent.v2.start_script(a_script("mkfifo go; " + body.replace("<(tail -f go)", "go"), wait_seconds=None))
        await wait_for_state(agent, "ticket", ProcessState.RUNNING)
        first = await agent.v2.get_status(ScriptStatusRequestV2(TICKET, Long(0)))
        lines += first.logs

    async with open_agent(home) as agent:
        second = await agent.v2.get_status(ScriptStatusRequestV2(TICKET, first.next_log_sequence))
        lines += second.logs
        with (agent.workspace("ticket") / "go").open("w") as go:
            go.write("go\n")
        await wait_for_state(agent, "ticket", ProcessState.COMPLETE)
        third = await agent.v2.get_status(ScriptStatusRequestV2(TICKET, second.next_log_sequence))
        lines += third.logs

    own = [line.text for line in lines[3:] if line.source is ProcessOutputSource.STDOUT]
    assert own == [*(f"line {number}" for number in range(1, 201)), "last"]
    assert third.exit_code == 0


async def test_bash_wins_over_the_body_and_line_ends_are_converted(agent: OpenedAgent) -> None:
    """services 15: `Scripts.Bash` wins, CRLF becomes LF, the workspace is the working directory."""
    bash = 'echo "$0"\r\npwd\r\nif true; then\r\n  echo yes\r\nfi\r\n'

    response = await agent.v2.start_script(a_script("Write-Host no", scripts={"Bash": bash, "PowerShell": "no"}))

    workspace = agent.workspace("ticket")
    assert output(response) == [str(workspace / "Bootstrap.sh"), str(workspace), "yes"]
    assert b"\r" not in (workspace / "Bootstrap.sh").read_bytes()


async def test_arguments_reach_the_script_as_words(agent: OpenedAgent) -> None:
    """services 16: the arguments reach bash as `a`, `b`, `c d`, `e"f`."""
    arguments = ("a b", '"c d"', 'e\\"f', "$HOME", "'x y'")

    response = await agent.v2.start_script(a_script('printf "%s\\n" "$@"', arguments=arguments))

    assert output(response) == ["a", "b", "c d", 'e"f', "$HOME", "'x", "y'"]


async def test_scripts_see_the_agents_variables(home: Path) -> None:
    """services 17: the agent's script variables are in the environment, besides the agent's own."""
    variables = {"TentacleHome": str(home), "TentacleVersion": "1.2.3"}
    async with open_agent(home, variables=variables) as agent:
        response = await agent.v2.start_script(a_script('echo "$TentacleHome $TentacleVersion"; echo "${PATH:+path}"'))

    assert output(response) == [f"{home} 1.2.3", "path"]


async def test_a_missing_shell_gives_42(agent: OpenedAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    """services 22: a shell that cannot be started gives −42 and two lines on stderr."""
    monkeypatch.setattr("octavo.agent.jobs.preparing.SHELL", "/no/such/shell")

    response = await agent.v2.start_script(a_script("echo never"))

    assert response.exit_code == ExitCode.SHELL_NOT_STARTED
    lines = texts(response, ProcessOutputSource.STDERR)
    assert len(lines) == 2
    assert lines[0].startswith("An exception was thrown when invoking /no/such/shell: ")


async def test_an_unwritable_log_gives_41(agent: OpenedAgent) -> None:
    """services 22: when the log cannot be opened the script does not run, and the exit code is −41."""
    holder = a_script(
        "mkfifo go; read -r _ < go", "holder", wait_seconds=None, isolation=ScriptIsolationLevel.FULL_ISOLATION
    )
    await agent.v2.start_script(holder)
    await wait_for_path(agent.workspace("holder") / "go")
    await agent.v2.start_script(a_script("touch ran", wait_seconds=None))
    await asyncio.to_thread(_replace_by_folder, agent.workspace("ticket") / "Output.log")

    with (agent.workspace("holder") / "go").open("w") as go:
        go.write("go\n")
    response = await wait_for_state(agent, "ticket", ProcessState.COMPLETE)

    assert response.exit_code == ExitCode.FATAL
    assert not (agent.workspace("ticket") / "ran").exists()


async def test_lines_carry_their_sources_and_debug_lines_stand_around_them(agent: OpenedAgent) -> None:
    """services 23: stdout, stderr and debug are 0, 1 and 2; the four debug lines are there."""
    response = await agent.v2.start_script(a_script("echo out; echo err >&2; exit 3"))

    workspace = agent.workspace("ticket")
    assert {(line.source.value, line.text) for line in response.logs} >= {(0, "out"), (1, "err")}
    debug = texts(response, ProcessOutputSource.DEBUG)
    assert debug[:2] == ["Executable directory is /bin", "Executable name or full path: /bin/bash"]
    assert re.fullmatch(
        rf"Starting /bin/bash in working directory '{workspace}' using 'Unicode \(UTF-8\)' encoding running as '\w+'",
        debug[2],
    )
    assert debug[3] == f"Process /bin/bash in {workspace} exited with code 3"


async def test_the_log_file_has_the_known_format(agent: OpenedAgent) -> None:
    """services 24: UTF-8 with byte order mark, JSON arrays without separators; text is kept as it was."""
    await agent.v2.start_script(a_script("printf 'späß \"quoted\" \\\\ tab\\t'; printf '\\n\\nlast'"))

    data = (agent.workspace("ticket") / "Output.log").read_bytes()
    assert data.startswith(b'\xef\xbb\xbf["stdout","##octopus[stdout-verbose]","')
    entries, position, text = [], 0, data.decode("utf-8-sig")
    while position < len(text):
        entry, position = json.JSONDecoder().raw_decode(text, position)
        entries.append(entry)
    assert [entry[1] for entry in entries if entry[0] == "stdout"][3:] == ['späß "quoted" \\ tab\t', "", "last"]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", entry[2]) for entry in entries)


async def test_a_truncated_log_says_so(home: Path) -> None:
    """services 24: a log that breaks off inside an entry ends with the "Corrupt Tentacle log" entry."""
    async with open_agent(home) as agent:
        await agent.v2.start_script(a_script("echo one; echo two"))
    log = home / "Work" / "ticket" / "Output.log"
    log.write_bytes(log.read_bytes()[:-20])

    async with open_agent(home) as agent:
        response = await wait_for_state(agent, "ticket", ProcessState.COMPLETE)

    assert response.logs[-1].source is ProcessOutputSource.STDERR
    expected = f"Corrupt Tentacle log at line {len(response.logs)}, no more logs will be read"
    assert response.logs[-1].text == expected
    assert output(response)[:2] == ["one", "two"]


async def test_files_are_in_the_workspace_before_the_script_starts(agent: OpenedAgent) -> None:
    """services 15: files are written in order, into sub-folders too; the later of two names wins."""
    files = (
        ScriptFile("deep/er\\file.txt", DataStream.from_bytes(b"first")),
        ScriptFile("deep/er/file.txt", DataStream.from_bytes(b"second")),
    )

    response = await agent.v2.start_script(a_script("cat deep/er/file.txt", files=files))

    assert output(response) == ["second"]


@pytest.mark.parametrize("ticket", ["", ".", "..", "../x", "a/b", "a\\b", "/etc", ".hidden", " x", "a\0b", "x" * 300])
async def test_tickets_that_lead_elsewhere_are_refused(agent: OpenedAgent, ticket: str) -> None:
    """services 30: a ticket names one folder below Work or is refused by every method."""
    with pytest.raises(InvalidTicket):
        await agent.v2.start_script(a_script("touch /tmp/never", ticket))
    with pytest.raises(InvalidTicket):
        await agent.v2.complete_script(CompleteScriptCommandV2(ScriptTicket(ticket)))


async def test_a_file_that_would_leave_the_workspace_is_refused(agent: OpenedAgent) -> None:
    files = (ScriptFile("../escaped", DataStream.from_bytes(b"x")),)

    with pytest.raises(ValueError, match="outside of its workspace"):
        await agent.v2.start_script(a_script("true", files=files))

    assert not (agent.home / "Work" / "escaped").exists()


async def test_work_is_refused_when_the_disk_is_short_and_the_ticket_may_come_again(home: Path) -> None:
    """services 9: a start that failed before anything ran may be repeated; §5.5: the message names the disk."""
    async with open_agent(home, tuning=replace(QUICK, needed_bytes=1 << 60)) as agent:
        with pytest.raises(DiskShort, match="does not have enough free disk space available for this operation"):
            await agent.v2.start_script(a_script("echo never"))
    async with open_agent(home) as agent:
        response = await agent.v2.start_script(a_script("echo now"))

    assert output(response) == ["now"]


async def test_a_background_process_that_holds_the_output_keeps_the_script_running(agent: OpenedAgent) -> None:
    """services 21: §6.5, the script is Running until its output is closed by everybody."""
    await agent.v2.start_script(a_script("mkfifo go; (read -r _ < go; echo late) & echo early", wait_seconds=None))
    await wait_for_path(agent.workspace("ticket") / "go")

    running = await wait_for_state(agent, "ticket", ProcessState.RUNNING)
    with (agent.workspace("ticket") / "go").open("w") as go:
        go.write("go\n")
    response = await wait_for_state(agent, "ticket", ProcessState.COMPLETE)

    assert running.state is ProcessState.RUNNING
    assert (output(response), response.exit_code) == (["early", "late"], 0)


async def test_a_large_log_travels_in_several_answers(agent: OpenedAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    """services 14: a status never carries more than a bounded part; it is complete only with the last one."""
    monkeypatch.setattr("octavo.agent.services.answering.MAX_ANSWER_BYTES", 4096)
    await agent.v2.start_script(a_script("seq 1 1000; exit 9"))  # answers with the first part
    lines: list[ProcessOutput] = []
    after, states = Long(0), []

    for _ in range(100):
        response = await agent.v2.get_status(ScriptStatusRequestV2(TICKET, after))
        lines += response.logs
        after = response.next_log_sequence
        states.append((response.state, response.exit_code))
        if response.state is ProcessState.COMPLETE:
            break

    numbers = [line.text for line in lines[3:] if line.source is ProcessOutputSource.STDOUT]
    assert numbers == [str(number) for number in range(1, 1001)]
    assert len(states) > 5
    assert states[-1] == (ProcessState.COMPLETE, 9)


def _replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
