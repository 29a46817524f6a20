"""One script on one agent, whatever the agent and the network do."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from fakes.scripted_agent import ScriptedAgent, complete, running
from octavo.contracts.scripts import ExitCode
from octavo.halibut import NotDelivered, ResponseLost, ServiceFailed
from octavo.server.domain.backoff import PollBase
from octavo.server.domain.script_runs import ServiceVersion
from octavo.server.workers.retries import RetryPolicy
from octavo.server.workers.script_client import Progress, Script
from octavo.server.workers.script_session import Cancelled, ScriptSession


@dataclass
class Stage:
    """A session with a scripted agent; pauses take no time and are remembered."""

    agent: ScriptedAgent
    base: PollBase = PollBase.LISTENING
    policy: RetryPolicy = RetryPolicy(150)  # frozen
    pauses: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cancel: asyncio.Event = field(default_factory=asyncio.Event)
    on_pause: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.session = ScriptSession(
            self.agent,
            Script("echo", "ServerTasks-1"),
            "t",
            self.base,
            self.policy,
            self.cancel,
            self._note,
            pause=self._pause,
        )

    async def run(self, *, is_started: bool = False) -> list[Progress]:
        return [progress async for progress in self.session.run(is_started=is_started)]

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.on_pause()
        for _ in range(5):  # whoever waits for the cancellation gets its turn before the pause is over
            await asyncio.sleep(0)

    async def _note(self, text: str) -> None:
        self.notes.append(text)


def texts(answers: list[Progress]) -> list[str]:
    return [entry.text for answer in answers for entry in answer.entries]


async def test_answers_come_until_the_script_has_ended_and_once_more() -> None:
    """services 42: the last lines are asked for again after Complete; none comes twice."""
    agent = ScriptedAgent(
        starts=[running("a")],
        statuses=[running("b", after=1), complete("c", after=2, exit_code=3), complete("d", after=3, exit_code=3)],
    )

    answers = await Stage(agent).run()

    assert texts(answers) == ["a", "b", "c", "d"]
    assert answers[-1].exit_code == 3
    assert [sequence for name, _, sequence in agent.calls if name == "get_status"] == [1, 2, 3]


@pytest.mark.parametrize(
    ("base", "expected"), [(PollBase.LISTENING, [0.345, 0.397, 0.456]), (PollBase.POLLING, [0.42, 0.588, 0.823])]
)
async def test_status_is_polled_ever_more_seldom(base: PollBase, expected: list[float]) -> None:
    """services 37: back-off follows 9.3 for listening and polling agents."""
    agent = ScriptedAgent(starts=[running()], statuses=[running(), running(), complete(), complete()])
    stage = Stage(agent, base)

    await stage.run()

    assert stage.pauses == expected


async def test_an_agent_that_waits_for_news_is_not_polled() -> None:
    agent = ScriptedAgent(waits_for_news=True, starts=[running()], statuses=[running("a"), complete("b", after=1)])
    stage = Stage(agent)

    answers = await stage.run()

    assert texts(answers) == ["a", "b"]
    assert stage.pauses == []


async def test_a_start_that_got_no_answer_is_repeated_with_the_same_ticket() -> None:
    """services 34: V2 StartScript is retried with the same ticket; services 36: a dropped connection is."""
    agent = ScriptedAgent(
        starts=[ResponseLost("cut"), NotDelivered("refused"), complete("a")], statuses=[complete(after=1)]
    )
    stage = Stage(agent)

    answers = await stage.run()

    assert texts(answers) == ["a"]
    assert [(name, ticket) for name, ticket, _ in agent.calls[:3]] == [("start", "t")] * 3
    assert stage.pauses == [1, 2]
    assert stage.notes[0].startswith("An error occurred communicating with Tentacle. This action will be retried")


async def test_a_service_failure_is_not_repeated() -> None:
    """services 36: a service failure is not retried."""
    agent = ScriptedAgent(starts=[ServiceFailed("no space", "details")])

    with pytest.raises(ServiceFailed):
        await Stage(agent).run()

    assert agent.names() == ["start"]


async def test_the_last_real_error_is_reported_when_time_is_up() -> None:
    """services 35: retry sleeps are bounded by the retry duration; the last real error is reported."""
    agent = ScriptedAgent(starts=[ResponseLost("first"), NotDelivered("second"), NotDelivered("third")])
    stage = Stage(agent, policy=RetryPolicy(2.5))

    with pytest.raises(NotDelivered, match="second"):
        await stage.run()

    assert stage.pauses == [1]
    assert stage.notes[-1].endswith("No more retries will be attempted.")


async def test_a_v1_agent_is_never_asked_twice() -> None:
    """services 34: V1 script calls are never retried."""
    agent = ScriptedAgent(ServiceVersion.V1, is_repeatable=False, starts=[ResponseLost("cut")])

    with pytest.raises(ResponseLost):
        await Stage(agent).run()

    assert agent.names() == ["start"]


async def test_a_v1_agents_own_ticket_is_used_and_its_last_lines_are_had() -> None:
    """services 41: logs returned by CompleteScript are had, and its exit code with them."""
    agent = ScriptedAgent(
        ServiceVersion.V1,
        is_repeatable=False,
        starts=[running(ticket="theirs")],
        statuses=[complete("a", ticket="theirs"), complete(after=1, ticket="theirs")],
        completes=[complete("b", after=1, exit_code=7, ticket="theirs")],
    )
    stage = Stage(agent)

    answers = await stage.run()
    last = await stage.session.complete(1)

    assert texts(answers) == ["a"]
    assert last is not None
    assert (last.exit_code, texts([last])) == (7, ["b"])
    assert {ticket for name, ticket, _ in agent.calls if name != "start"} == {"theirs"}


async def test_a_resumed_v1_script_is_not_started_again() -> None:
    agent = ScriptedAgent(ServiceVersion.V1, is_repeatable=False, statuses=[complete("a"), complete(after=1)])

    answers = await Stage(agent).run(is_started=True)

    assert texts(answers) == ["a"]
    assert "start" not in agent.names()


async def test_cancelling_asks_until_the_script_has_ended() -> None:
    """services 38: cancelling sends CancelScript until Complete."""
    agent = ScriptedAgent(
        starts=[running("a")],
        cancels=[running(after=1), running("b", after=1), complete("c", after=2, exit_code=-1)],
        statuses=[complete(after=3, exit_code=-1)],
    )
    stage = Stage(agent)
    stage.on_pause = stage.cancel.set

    answers = await stage.run()

    assert texts(answers) == ["a", "b", "c"]
    assert agent.names() == ["start", "cancel", "cancel", "cancel", "get_status"]
    assert stage.pauses == [0.345, 0.345, 0.397]


async def test_cancelling_before_any_connection_sends_nothing() -> None:
    """services 38: cancelling before any connection sends nothing."""
    agent = ScriptedAgent()
    stage = Stage(agent)
    stage.cancel.set()

    with pytest.raises(Cancelled) as caught:
        await stage.run()

    assert not caught.value.may_have_started
    assert agent.calls == []


async def test_cancelling_while_only_connecting_failed_sends_nothing_more() -> None:
    agent = ScriptedAgent(starts=[NotDelivered("refused")])
    stage = Stage(agent)
    stage.on_pause = stage.cancel.set

    with pytest.raises(Cancelled) as caught:
        await stage.run()

    assert not caught.value.may_have_started
    assert agent.names() == ["start"]


async def test_cancelling_an_uncertain_start_ends_what_may_run() -> None:
    agent = ScriptedAgent(
        starts=[ResponseLost("cut")], cancels=[complete("a", exit_code=-1)], statuses=[complete(after=1, exit_code=-1)]
    )
    stage = Stage(agent)
    stage.on_pause = stage.cancel.set

    answers = await stage.run()

    assert texts(answers) == ["a"]
    assert agent.names() == ["start", "cancel", "get_status"]


async def test_an_uncertain_start_that_never_happened_is_told_apart() -> None:
    agent = ScriptedAgent(starts=[ResponseLost("cut")], cancels=[complete(exit_code=ExitCode.UNKNOWN_SCRIPT)])
    stage = Stage(agent)
    stage.on_pause = stage.cancel.set

    with pytest.raises(Cancelled) as caught:
        await stage.run()

    assert not caught.value.may_have_started


async def test_a_lost_agent_is_told_once_to_end_the_script() -> None:
    """services 39: a failing GetStatus triggers one best-effort CancelScript before the step fails."""
    agent = ScriptedAgent(starts=[running()], statuses=[ResponseLost("cut")], cancels=[NotDelivered("also gone")])
    stage = Stage(agent, policy=RetryPolicy(0))

    with pytest.raises(ResponseLost):
        await stage.run()

    assert agent.names() == ["start", "get_status", "cancel"]


async def test_a_failing_clean_up_only_warns() -> None:
    """services 40: CompleteScript failure never fails the step; services 34: it is tried once."""
    agent = ScriptedAgent(completes=[ResponseLost("cut")])
    stage = Stage(agent)

    assert await stage.session.complete(0) is None

    assert agent.names() == ["complete"]
    assert stage.notes == ["Failed to cleanup the script working directory on Tentacle"]
