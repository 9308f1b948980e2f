# make book | test | lab | check | clean. Python 3.11 to 3.13 is all that must be there.
# On Windows: the same lines stand in README.md without make.

PY := .venv/bin/python
READY := .venv/.installed

.PHONY: book test lab check lint clean

book: $(READY)
	$(PY) -m lesionlib book

# The book first: some tests read its pages.
test: lint
	$(PY) -m lesionlib book
	$(PY) -m pytest -n 2 --dist loadfile
	$(PY) -m pytest --nbval-lax --nbval-current-env --nbval-cell-timeout=180 notebooks

lab: $(READY)
	$(PY) -m jupyterlab notebooks

check: lint
	$(PY) -m pytest -m "not slow"

lint: $(READY)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

# Finished runs (runs/) and the environment (.venv) stay: they take hours and gigabytes.
clean:
	rm -rf _build .pytest_cache .ruff_cache .hypothesis
	find lesionlib tests book notebooks -name __pycache__ -type d -prune -exec rm -rf {} +

# One install of everything: a second one could replace torch with what torchvision was not built for.
$(READY): pyproject.toml constraints.txt
	@$(PY) -m pip --version >/dev/null 2>&1 || { \
	  for python in python3.11 python3 python3.12 python3.13; do \
	    $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || continue; \
	    $$python -m venv .venv && exit 0; exit 1; \
	  done; \
	  echo "make: Python 3.11, 3.12 or 3.13 is needed, and none is on the PATH" >&2; exit 1; }
	$(PY) -m pip install --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@
