"""server/engine/lasting.py"""

import pytest

from octavo.server.engine.lasting import run_lasting


async def test_a_loop_that_fails_is_logged_and_runs_again(caplog: pytest.LogCaptureFixture) -> None:
    runs: list[str] = []

    async def loop() -> None:
        runs.append("run")
        if runs.count("run") < 3:
            raise ValueError("a fault of ours")

    async def no_pause(_: float) -> None:
        runs.append("rest")

    await run_lasting("some part", loop, no_pause)

    assert runs == ["run", "rest", "run", "rest", "run"]
    assert [record.message for record in caplog.records] == ["a part of the engine failed and is started again"] * 2
