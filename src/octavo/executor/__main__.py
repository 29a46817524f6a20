"""`python -m octavo.executor PLAN`."""

import sys

from octavo.executor.commands import main

raise SystemExit(main(sys.argv[1:]))
