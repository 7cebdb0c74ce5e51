"""One module a corpus: `CORPORA`, what `sla_cli.prep.corpus` describes."""
