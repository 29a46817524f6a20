"""Writes the server's OpenAPI document to stdout: `make web` makes the interface's types from it."""

import json
import sys

from octavo.server.api.application import all_routes
from octavo.server.api.openapi import describe
from octavo.server.operations.kinds.all_kinds import ALL_KINDS

sys.stdout.write(json.dumps(describe(all_routes().routes, ALL_KINDS), indent=1))
