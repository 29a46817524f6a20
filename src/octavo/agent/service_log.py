"""Where an agent's messages go: stdout, stderr and a daily file.

Information and warnings stand on stdout as the message alone, errors on stderr; the file has time and level too.
Source: tentacle-cli §2.1.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from logging.handlers import TimedRotatingFileHandler
from pathlib import Path
from typing import TextIO

from octavo.base.sensitive import MASK

LOG_FILE = "OctopusTentacle.txt"
_DAYS_KEPT = 7
_SHORTEST_SECRET = 4  # masking every "a" would only make the log unreadable
_FILE_FORMAT = "%(asctime)s  %(process)6d  %(levelname)-7s  %(message)s"
_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
    "off": logging.CRITICAL + 1,
}


class ServiceLog:
    """The messages of one process. `open_service_log` makes it."""

    def __init__(self, logger: logging.Logger, masking: "_Masking") -> None:
        self._logger = logger
        self._masking = masking
        self._file: _LogFile | None = None
        self.folder = Path()

    def use_folder(self, folder: Path) -> None:
        """Write the log file there from now on; the file appears with the first message."""
        self.folder = folder
        self._drop_file()
        self._file = _LogFile(folder / LOG_FILE)
        self._file.addFilter(self._masking)
        self._file.setFormatter(logging.Formatter(_FILE_FORMAT))
        self._logger.addHandler(self._file)

    def close(self) -> None:
        """Let go of the file."""
        self._drop_file()

    def _drop_file(self) -> None:
        if self._file is not None:
            self._logger.removeHandler(self._file)
            self._file.close()
            self._file = None


@contextmanager
def open_service_log(
    stdout: TextIO | None, stderr: TextIO, *, level: str = "", secrets: Iterable[str] = ()
) -> Iterator[ServiceLog]:
    """Send everything that Octavo logs to these streams; without a `stdout` only errors are shown."""
    logger = logging.getLogger("octavo")
    masking = _Masking(secrets)
    handlers: list[logging.Handler] = [_StreamHandler(stderr, logging.ERROR, logging.CRITICAL)]
    if stdout is not None:
        handlers.append(_StreamHandler(stdout, logging.DEBUG, logging.WARNING))
    before = logger.level, logger.propagate
    logger.setLevel(_LEVELS.get(level.strip().lower(), logging.INFO))
    logger.propagate = False
    for handler in handlers:
        handler.addFilter(masking)
        logger.addHandler(handler)
    service_log = ServiceLog(logger, masking)
    try:
        yield service_log
    finally:
        service_log.close()
        for handler in handlers:
            logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


class _StreamHandler(logging.StreamHandler[TextIO]):
    """Writes the message alone, for the levels from `lowest` to `highest`."""

    def __init__(self, stream: TextIO, lowest: int, highest: int) -> None:
        super().__init__(stream)
        self.setLevel(lowest)
        self._highest = highest

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno <= self._highest and bool(super().filter(record))


class _LogFile(TimedRotatingFileHandler):
    """A daily file that makes its folder when first needed, and never stops a command by failing."""

    def __init__(self, path: Path) -> None:
        self._folder = path.parent
        super().__init__(path, when="midnight", backupCount=_DAYS_KEPT, encoding="utf-8", delay=True)

    def _open(self):  # type: ignore[no-untyped-def]  # its type is private to the library
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return super()._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (the library's name)
        """A full disk or a missing permission must not stop the command; the streams still tell the user."""


class _Masking(logging.Filter):
    """Replaces secrets of the command line wherever they would be shown."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._secrets = sorted((secret for secret in secrets if len(secret) >= _SHORTEST_SECRET), key=len, reverse=True)

    def filter(self, record: logging.LogRecord) -> bool:
        if self._secrets:
            text = record.getMessage()
            for secret in self._secrets:
                text = text.replace(secret, MASK)
            record.msg, record.args = text, None
        return True
