"""Builds the jobs of an agent from its settings: lock, folders, what this machine can confine."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from octavo.agent.confinement.accounts import Accounts, system_accounts
from octavo.agent.confinement.confining import Confiner
from octavo.agent.confinement.levels import ConfinementOffer
from octavo.agent.confinement.probing import find_sandbox_view, probe_confinement
from octavo.agent.jobs.disk_space import SCRIPT_BYTES
from octavo.agent.jobs.places import AgentPlaces
from octavo.agent.jobs.preparing import Preparation
from octavo.agent.jobs.registry import Jobs, open_lock
from octavo.agent.jobs.running import WaitTimes
from octavo.agent.settings import AgentSettings


@dataclass(frozen=True, slots=True)
class Tuning:
    """What tests set otherwise: the room a script needs, how long waits for a mutex last, who makes accounts."""

    needed_bytes: int = SCRIPT_BYTES
    waits: WaitTimes = WaitTimes()
    accounts: Accounts | None = None


DEFAULT_TUNING = Tuning()


@dataclass(frozen=True, slots=True)
class OpenedJobs:
    """The jobs of an agent, its places, and the levels of confinement that work here."""

    jobs: Jobs
    places: AgentPlaces
    offer: ConfinementOffer


@asynccontextmanager
async def open_jobs(settings: AgentSettings, tuning: Tuning = DEFAULT_TUNING) -> AsyncIterator[OpenedJobs]:
    """Take the home, probe the machine, take up the jobs found there. At the end scripts go on running.

    Raises:
        ConfigurationError: another agent runs on this home.
    """
    places = AgentPlaces(settings.home)
    lock = await asyncio.to_thread(open_lock, places)
    try:
        accounts = tuning.accounts or _accounts(places)
        view = find_sandbox_view((settings.home, *settings.hidden_folders))
        offer = await asyncio.to_thread(probe_confinement, places.work, view, accounts)
        preparation = Preparation(
            run_folder=places.run,
            offer=offer,
            confiner=Confiner(settings.home, view, accounts),
            script_variables=settings.script_variables,
            needed_bytes=tuning.needed_bytes,
        )
        jobs = Jobs(places, preparation, lock, tuning.waits)
        try:
            await jobs.open()
            yield OpenedJobs(jobs, places, offer)
        finally:
            await jobs.close()
    finally:
        os.close(lock)


def _accounts(places: AgentPlaces) -> Accounts | None:
    """Only root can run jobs as others."""
    return system_accounts(places.home, places.run / "accounts.json", os.environ) if os.geteuid() == 0 else None
