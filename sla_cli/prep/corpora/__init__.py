"""One module for each corpus, or for several of one layout: `CORPORA`, what `sla_cli.prep.corpus` describes."""
