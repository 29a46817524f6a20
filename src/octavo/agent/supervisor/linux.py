"""The few calls of Linux that Python does not wrap. Source: prctl(2)."""

import ctypes
import os

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38

_libc = ctypes.CDLL(None, use_errno=True)


def adopt_orphans() -> None:
    """From now on, processes below us whose parent ended become our children instead of init's."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(signal_number: int) -> None:
    """Receive this signal when the parent ends. Survives exec, but not a change of account."""
    _prctl(_PR_SET_PDEATHSIG, signal_number)


def gain_no_privileges() -> None:
    """No program we run can raise our privileges: set-user-id bits are ignored."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _prctl(option: int, argument: int) -> None:
    if _libc.prctl(option, argument, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}): {os.strerror(number)}")
