# On a bare Debian or Ubuntu machine with Python 3.11, as root or with sudo:
#   make demo   installs what is missing and takes the example from its sources to its results
#   make test   the linters, the types and all tests
#   make proof  every example built again on Docker and on Podman, and compared bit for bit
# An engine that already runs is used as it is; one that had to be started is stopped at the end.

# The virtual environment's Python: a bare machine's may have another name than python3.
ENGINE = .venv/bin/python dev/engine

.PHONY: demo test proof lint unit clean

demo:
	dev/venv
	$(ENGINE) with -- .venv/bin/reprokit run examples/align-tool

test: lint
	$(ENGINE) with -- .venv/bin/python -m pytest $(PYTEST_ARGUMENTS)

proof:
	dev/venv
	$(ENGINE) with docker -- $(ENGINE) with podman -- env REPROKIT_TEST_ENGINES=docker,podman \
	    .venv/bin/python -m pytest tests/test_identity_proof.py \
	    tests/engines/test_canonical_images.py $(PYTEST_ARGUMENTS)

lint:
	dev/venv
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

unit:
	dev/venv
	.venv/bin/python -m pytest -m "not engine and not network" $(PYTEST_ARGUMENTS)

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
