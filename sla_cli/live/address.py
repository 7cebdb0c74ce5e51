"""A video from a network address: RTSP, or bytes over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from urllib.parse import urlsplit

import numpy as np

from sla_cli.errors import SlaError, visible
from sla_cli.live.clock import timed
from sla_cli.live.http import TIMEOUT, Download
from sla_cli.live.patience import BLIND
from sla_cli.log import log
from sla_cli.video.decoder import Decoder
from sla_cli.video.incoming import PROTOCOLS, open_incoming, open_rtsp

HTTP = ("http", "https")


class Address:
    """A stream. Times are those that it states, from the first frame on, else those at which pictures come.

    A file over HTTP, of a stated length, is read as fast as the machine computes, as one of this machine.
    """

    live, media = True, None

    def __init__(self, address: str) -> None:
        """Raises SlaError for another protocol, or an address without host."""
        self._scheme = address.partition(":")[0].lower()
        if self._scheme not in (*HTTP, *PROTOCOLS):
            known = ", ".join(f"{one}://" for one in (*HTTP, *PROTOCOLS))
            raise SlaError(f"{visible(self._scheme)}:// is no address of a video", f"Known: {known}.")
        hint = f"Write it as {self._scheme}://HOST:PORT/PATH."
        try:
            parts = urlsplit(address)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise SlaError("the address has no valid host or port", hint) from error
        # The host is a part of the password, which would be shown. A query after a path may have an @.
        if "@" in parts.path + parts.fragment + ("" if parts.path else parts.query):
            way = "In user and password write / as %2F, ? as %3F and # as %23, and after the host write @ as %40."
            raise SlaError("the address has @ after its host", way)
        if not host:
            raise SlaError(f"{self._scheme}:// is followed by no host", hint)
        place = f"[{host}]" if ":" in host else host
        # Neither user and password nor the query, in which some cameras have them.
        self.name = visible(f"{self._scheme}://{place}{f':{port}' if port else ''}{parts.path}")
        self._address = f"{self._scheme}:{address.partition(':')[2]}"  # FFmpeg knows small letters only
        self._download: Download | None = None

    def frames(self, stopped: threading.Event) -> Iterator[tuple[float, np.ndarray]]:
        with self._open(stopped) as decoder:
            fault = f"{self.name} is broken"
            if self._scheme in PROTOCOLS:  # FFmpeg reports silence the same way; `Download` says it itself
                fault = f"{self.name} sent nothing for {TIMEOUT:g} s, or no picture for {BLIND:g} s,"
            for frame in timed(decoder, fault, live=self.live):
                yield frame
                if self._download is not None:
                    self._download.showed()
        if self.live and not stopped.is_set():
            log.warning("%s has ended the connection", self.name)

    def _open(self, stopped: threading.Event) -> AbstractContextManager[Decoder]:
        if self._scheme in PROTOCOLS:
            return open_rtsp(self._address, self.name, TIMEOUT, BLIND)
        self._download = Download(self._address, self.name, stopped)
        self.live = self._download.endless
        return open_incoming(self._download, self.name)
