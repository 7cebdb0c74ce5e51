# What people type. `just` lists it.

default:
    @just --list

# Everything that CI checks
check: lint types imports test

lint:
    ruff check .
    ruff format --check .

types:
    mypy

imports:
    lint-imports

test:
    pytest
    pytest -m ci

# The documentation site, into docs/_build
docs:
    python docs/reference.py
    python -m sphinx -W --keep-going -q -b html docs docs/_build

# The whole way on synthetic signing, files kept in ./sla-demo
demo:
    sla demo --keep sla-demo

# Everything of a release but the upload: from a clean tree of the tagged version, dist/ with checksums
release:
    test -z "$(git status --porcelain)"
    test "$(git describe --tags --exact-match)" = "v$(python -c 'import sla_cli; print(sla_cli.__version__)')"
    .ci/run
    rm -rf build dist
    python -m pip install -q build twine
    python -m build
    python -m twine check --strict dist/*
    cd dist && sha256sum * > SHA256SUMS && cat SHA256SUMS
