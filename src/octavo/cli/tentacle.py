"""The command `tentacle`."""

import os
import sys


def main() -> None:
    """Run the command line."""
    _hold_stdin()
    from octavo.agent.host import this_host
    from octavo.agent.program import run

    try:
        exit_code = run(sys.argv[1:], this_host())
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader went away (`tentacle help | head`); keep the interpreter's own flush at exit quiet.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        exit_code = 1
    raise SystemExit(exit_code)


def _hold_stdin() -> None:
    """With a closed standard input the next file or socket would get its number, and be read as input."""
    try:
        os.fstat(0)
    except OSError:
        os.open(os.devnull, os.O_RDONLY)


if __name__ == "__main__":
    main()
