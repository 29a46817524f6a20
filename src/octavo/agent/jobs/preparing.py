"""Makes a job's folder ready to start: room, workspace, confinement, first log lines, plan, state. Blocking.

The state file comes last: a folder without one was never complete and is made anew.
"""

import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from octavo.agent.confinement.accounts import AccountNotMade
from octavo.agent.confinement.confining import Confined, Confiner
from octavo.agent.confinement.levels import ConfinementOffer, ConfinementUnavailable
from octavo.agent.jobs.arguments import split_arguments
from octavo.agent.jobs.disk_space import SCRIPT_BYTES, ensure_disk_space
from octavo.agent.jobs.isolation import Claim
from octavo.agent.jobs.isolation_messages import acquiring_lines
from octavo.agent.jobs.orders import JobOrder
from octavo.agent.jobs.workspace import make_workspace
from octavo.agent.supervisor.job_folder import JobFolder, JobPlan, new_state, write_plan, write_state
from octavo.agent.supervisor.log_format import STDERR, STDOUT
from octavo.agent.supervisor.log_writer import LogWriter
from octavo.contracts.scripts import ExitCode

SHELL = "/bin/bash"

#: Every process of a job has it in its environment; by its value leftovers are found.
MARKER_VARIABLE = "OCTAVO_JOB"


@dataclass(frozen=True, slots=True)
class Preparation:
    """Turns orders into folders that are ready to start."""

    run_folder: Path
    offer: ConfinementOffer
    confiner: Confiner
    script_variables: Mapping[str, str]
    needed_bytes: int = SCRIPT_BYTES

    def prepare(self, folder: JobFolder, order: JobOrder) -> JobPlan:
        """Make the folder and return the plan that lies in it.

        A confinement that cannot be had ends the job here: it is complete, and its log says why.

        Raises:
            DiskShort, OSError, ValueError: nothing was prepared; trying again begins anew.
        """
        ensure_disk_space(folder.path, self.needed_bytes)
        make_workspace(folder, order.body, order.files)
        log = LogWriter(folder)
        try:
            log.append(STDOUT, acquiring_lines(order.mutex_name, Claim(order.task_id, order.isolation)))
            return self._confine(folder, order, log)
        finally:
            log.close()

    def _confine(self, folder: JobFolder, order: JobOrder, log: LogWriter) -> JobPlan:
        command = (SHELL, str(folder.bootstrap), *split_arguments(order.arguments))
        try:
            level = self.offer.choose(order.confinement)
            confined = self.confiner.confine(level, folder, order.owner, command)
        except (ConfinementUnavailable, AccountNotMade) as error:
            log.append(STDERR, [str(error)])
            plan = self._plan(order, Confined(command, None, {}, ""), "")
            write_plan(folder, plan)
            write_state(folder, new_state().ended(ExitCode.FATAL, ran_to_completion=False))
            return plan
        plan = self._plan(order, confined, level)
        write_plan(folder, plan)
        write_state(folder, new_state())
        return plan

    def _plan(self, order: JobOrder, confined: Confined, level: str) -> JobPlan:
        marker = uuid.uuid4().hex
        return JobPlan(
            ticket=order.ticket,
            task_id=order.task_id,
            command=confined.command,
            shell=SHELL,
            user=confined.user,
            environment={**os.environ, **self.script_variables, **confined.environment, MARKER_VARIABLE: marker},
            run_folder=str(self.run_folder),
            confinement=level,
            marker=marker,
            isolation_level=order.isolation,
            mutex_name=order.mutex_name,
            mutex_timeout_seconds=order.mutex_timeout.total_seconds(),
            account=(confined.account.uid, confined.account.gid) if confined.account else None,
            limits=order.limits,
        )
