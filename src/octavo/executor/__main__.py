"""`python -m octavo.executor PLAN`."""

from octavo.executor.run import main

raise SystemExit(main())
