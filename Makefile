# Everything here needs only Python 3.11 or later, git, make and apt: each target makes the
# virtual environment that it uses.

PYTHONS := $(shell sh .ci/pythons)
OLDEST := $(firstword $(PYTHONS))
NEWEST := $(lastword $(PYTHONS))
VENV := .venv
# Most tests wait for processes and sockets: more of them than there are processors run at once.
PYTEST := -q -n 3 --dist loadfile
# A spool and a file are rejected on Windows, before the modules that write to them do anything.
WINDOWS := --no-warn-unreachable --follow-imports silent structlog_mozdef \
	--exclude '(buffers/spool|cli/spool|files)/' --exclude 'transports/file/(append|named_file)'
PIP := -m pip install -qq --disable-pip-version-check

.PHONY: help demo test lint format test-newest test-elasticsearch test-oldest coverage bench docs \
	clean screenshots servers

help:
	@echo "make demo      send events through the whole chain to a collector and show what it stored;"
	@echo "               SERVE=1: go on, and show them on a page"
	@echo "make test      formatting, lint, types, documentation and all tests, on the oldest and the newest Python"
	@echo "make coverage  measure which statements and branches the tests reach"
	@echo "make bench     run the benchmarks and write benchmarks/RESULTS.rst; BENCH=--quick: in short"
	@echo "make docs      build the documentation site in build/docs; a warning is an error"
	@echo "make screenshots  take the pictures of the collector's page for the documents"
	@echo "make format    format the code"

demo: $(VENV)/demo/.ready
	@$(VENV)/demo/bin/python -m structlog_mozdef demo $(if $(SERVE),--serve)

test: servers lint docs test-newest test-oldest

servers:
	@sh .ci/servers

lint: $(VENV)/newest/.ready
	$(VENV)/newest/bin/ruff format --check .
	$(VENV)/newest/bin/ruff check .
	$(VENV)/newest/bin/mypy
	$(VENV)/newest/bin/mypy --platform darwin --cache-dir .mypy_cache/darwin
	$(VENV)/newest/bin/mypy --platform win32 --cache-dir .mypy_cache/win32 $(WINDOWS)

docs: $(VENV)/newest/.ready
	$(VENV)/newest/bin/python tests/support/command_line_page.py
	$(VENV)/newest/bin/python -m sphinx --fresh-env --write-all --fail-on-warning --keep-going --quiet docs build/docs

test-newest: $(VENV)/newest/.ready
	$(VENV)/newest/bin/python -m pytest $(PYTEST) --ignore=tests/elasticsearch

test-oldest: $(VENV)/oldest/.ready
	$(VENV)/oldest/bin/python -m pytest $(PYTEST) --ignore=tests/elasticsearch

# Needs Java and Maven, which `make test` does without.
test-elasticsearch: $(VENV)/newest/.ready
	@sh .ci/index-servers
	$(VENV)/newest/bin/python -m pytest -q tests/elasticsearch

# A tracer takes its time and its instructions: what tests say of those does not matter here.
coverage: servers $(VENV)/newest/.ready
	@rm -rf build/coverage* && mkdir -p build
	-$(VENV)/newest/bin/python -m coverage run -m pytest $(PYTEST) --timeout 300 \
		--ignore=tests/elasticsearch \
		--deselect tests/project/test_instruction_count.py
	@$(VENV)/newest/bin/python -m coverage combine --quiet
	@$(VENV)/newest/bin/python -m coverage report

bench:
	@.ci/bench $(BENCH)

# The pictures of the collector's page.
screenshots: servers $(VENV)/newest/.ready
	$(VENV)/newest/bin/python tests/programs/screenshots.py docs/images

format: $(VENV)/newest/.ready
	$(VENV)/newest/bin/ruff format .
	$(VENV)/newest/bin/ruff check --fix .

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/demo/.ready: setup.cfg
	@sh .ci/create-venv "$(NEWEST)" $(VENV)/demo
	@$(VENV)/demo/bin/python $(PIP) --editable ".[collector]"
	@touch $@

$(VENV)/newest/.ready: setup.cfg
	@sh .ci/create-venv "$(NEWEST)" $(VENV)/newest
	@$(VENV)/newest/bin/python $(PIP) --editable ".[test,lint,docs]"
	@touch $@

$(VENV)/oldest/.ready: setup.cfg
	@sh .ci/create-venv "$(OLDEST)" $(VENV)/oldest
	@sh .ci/lowest >$(VENV)/oldest/lowest.txt
	@$(VENV)/oldest/bin/python $(PIP) --editable ".[test]" --constraint $(VENV)/oldest/lowest.txt
	@touch $@
