"""sla: sign language video to glosses."""

__version__ = "0.1.0"
