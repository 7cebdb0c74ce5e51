"""Glosses while somebody signs: a camera, a stream or a file to lines, messages and files."""
