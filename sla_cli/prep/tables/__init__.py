"""Reads tables of users and corpora, and finds the recordings that they name."""
