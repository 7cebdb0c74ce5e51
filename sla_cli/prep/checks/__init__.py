"""What `sla check` looks at, one file per question."""
