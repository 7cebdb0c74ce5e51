"""The checks of `sla check`, one file per question."""
