"""Recognisers inside ELAN: the folders that ELAN loads, and what it starts from them.

ELAN gives parameters on standard input, reads progress and the end from standard output, and tiers from files. Known
from the source of ELAN 6.8, package mpi.eudico.client.annotator.recognizer.
"""
