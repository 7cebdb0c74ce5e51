"""`python -m sla_cli` is `sla`."""

from sla_cli.cli.main import run

if __name__ == "__main__":
    run()
