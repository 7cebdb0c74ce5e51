"""Exports a store's frames and annotation as folders and tables that other code reads."""
