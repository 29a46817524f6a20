# Octavo's commands. `make` alone prints this help.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup web check test conformance demo bench docs clean format

UV_VERSION := 0.13.9
UV := .tools/bin/uv
RUN := $(UV) run --frozen --no-sync
T ?=
ONLY ?=

help: ## print this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

setup: .venv/ready ## install everything Octavo needs into .venv

$(UV):
	@python3 -m venv .tools 2>/dev/null || { \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq python3-venv && rm -rf .tools && python3 -m venv .tools; \
	  else echo "Python's venv module is missing. Install it: sudo apt-get install python3-venv"; exit 1; fi; }
	@.tools/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/ready: $(UV) pyproject.toml uv.lock
	@$(UV) sync --frozen --quiet --all-extras --compile-bytecode
	@touch $@

web: .venv/ready ## build the web interface into src/octavo/server/web_files (needs node and npm)
	@node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null && command -v npm >/dev/null || { \
	  echo "make web needs Node.js 20.19 or newer with npm, and found: $$(node --version 2>/dev/null || echo none)."; \
	  echo "Install it from your distribution or from nodejs.org, then try again. Nothing else of Octavo needs it."; exit 1; }
	@$(MAKE) --no-print-directory web/node_modules/.package-lock.json
	@$(RUN) python web/write_openapi.py > web/src/api/openapi.json
	@cd web && npm run --silent types >/dev/null && npm run --silent check && npm run --silent build

web/node_modules/.package-lock.json: web/package-lock.json
	@cd web && npm ci --silent --no-audit --no-fund
	@touch $@

check: .venv/ready ## lint, types and import rules (seconds; before each commit)
	@$(RUN) ruff check .
	@$(RUN) ruff format --check --quiet .
	@$(RUN) python tests/docs/check_files.py
	@$(RUN) mypy --no-error-summary
	@$(RUN) lint-imports > .import-linter.out 2>&1 || { cat .import-linter.out; rm -f .import-linter.out; exit 1; }
	@rm -f .import-linter.out

format: .venv/ready ## format the code
	@$(RUN) ruff check --fix-only --quiet .
	@$(RUN) ruff format --quiet .

test: check ## everything CI runs; T=PATH runs a part
	@./tests/requirements.sh
	@$(RUN) pytest $(T)

conformance: .venv/ready ## drive a real server with the official clients (needs node and npm)
	@$(RUN) pytest tests/conformance/clients

demo: .venv/ready ## the whole story on real processes; leaves a server running and says where to look
	@$(RUN) octavo demo

bench: .venv/ready ## print the figures, each beside its floor (minutes); ONLY=NAME measures one part
	@./tests/requirements.sh
	@PYTHONPATH=tests $(RUN) python -m bench $(if $(ONLY),--only $(ONLY))

docs: .venv/ready ## make the generated pages of docs/ anew
	@$(RUN) python tests/docs/conformance.py
	@$(RUN) python tests/docs/tentacle_reference.py
	@$(RUN) python tests/docs/endpoints.py

clean: ## remove what the commands above made
	@rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build bench/results.json web/node_modules src/octavo/server/web_files tests/web/screenshots
