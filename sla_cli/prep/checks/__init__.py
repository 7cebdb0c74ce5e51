"""What `sla check` looks at, a question a file."""
