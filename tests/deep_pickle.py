"""Pickles of what CPython hashes by recursion, which ends the process for ten times as many levels."""

LEVELS = 20_000
KEY = b")" + b"\x85" * LEVELS  # ((((),),),)
DEEP = b"\x80\x02}" + KEY + b"K\x01s."  # a dict with it
