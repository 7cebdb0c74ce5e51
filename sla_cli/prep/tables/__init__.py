"""Reading what people and corpora write in tables, and finding the recordings that they name."""
