"""A run → a model folder that others open, its card, and the hub."""
