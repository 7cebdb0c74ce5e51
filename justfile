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
