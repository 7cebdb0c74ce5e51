"""Bytes of a video over HTTP: from an address, or where it redirects to; user and password go to its host only."""

from __future__ import annotations

import http.client
import threading
import urllib.request
from functools import partial
from http import HTTPStatus
from string import punctuation
from typing import IO
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from sla_cli import __version__
from sla_cli.errors import FrameError
from sla_cli.live.patience import HttpConnection, HttpsConnection, ImpatientError, Patience

TIMEOUT = 10.0  # seconds without data
SLOWEST = 1 << 16  # bytes of a file in that time; a video of 26 kbit/s
MOST = 1 << 30  # bytes of a file without a picture: its index may come first
HANDLERS = (
    urllib.request.ProxyHandler,
    urllib.request.HTTPDefaultErrorHandler,
    urllib.request.HTTPErrorProcessor,
    urllib.request.UnknownHandler,  # refuses what has no handler here, such as file:// and ftp://
)


class Download:
    """An answer whose content is being read.

    Attributes:
        endless: whether its length is unknown: a stream, not a file.
    """

    def __init__(self, address: str, where: str, stopped: threading.Event) -> None:
        """Raises FrameError, with `where` in place of the address, if it does not answer, or with an error."""
        self._where, self._stopped = where, stopped
        try:
            bare, user, password = _without_user(address)
        except UnicodeError as error:
            raise FrameError(f"{where} has no valid host", "Is it written right?") from error
        opener = urllib.request.OpenerDirector()
        for handler in HANDLERS:
            opener.add_handler(handler())
        if user:
            known = urllib.request.HTTPPasswordMgrWithDefaultRealm()
            known.add_password(None, bare, user, password)
            opener.add_handler(urllib.request.HTTPBasicAuthHandler(known))
            opener.add_handler(urllib.request.HTTPDigestAuthHandler(known))
        patience = self._patience = Patience()
        for own in (_Watching(patience), _Redirect()):
            opener.add_handler(own)
        request = urllib.request.Request(bare, headers={"User-Agent": f"sla/{__version__}"})
        try:
            with patience:
                self._answer: http.client.HTTPResponse = opener.open(request, timeout=TIMEOUT)
        except HTTPError as error:
            again = "Are user and password right?"
            missing = "Give user and password in the address: https://USER:PASSWORD@HOST/PATH."
            hint = (again if user else missing) if error.code == 401 else ""
            raise FrameError(f"{where} answers {error.code} {_meaning(error.code)}".strip(), hint) from error
        except (OSError, ValueError, LookupError, http.client.HTTPException) as error:  # an empty value in a header
            hint = "Is it written right, and on?"
            hint += f" It was asked through the proxy {request.host}." * request.has_proxy()
            raise FrameError(f"{where} does not answer ({_reason(error)})", hint) from error
        self.endless, self._bytes = self._answer.length is None, 0  # since the last picture
        patience.renew()

    def showed(self) -> None:
        """A picture came out of it."""
        self._bytes = 0
        self._patience.renew()

    def read(self, size: int) -> bytes:
        """At most `size` bytes, as soon as there are some; none at the end, or when it is to stop.

        Raises:
            FrameError: nothing or no picture came in time, or the connection ended before the stated length.
        """
        if self._stopped.is_set():
            return b""
        try:
            with self._patience:
                found = self._answer.read1(size)
        except ImpatientError as error:
            what = "no picture" if self.endless or self._bytes > MOST else f"less than {SLOWEST >> 10} KiB"
            raise FrameError(f"{self._where} sent bytes for {error}, but {what}", "Does it send a video?") from error
        except TimeoutError as error:
            raise FrameError(f"{self._where} sent nothing for {TIMEOUT:g} s", "Is it still on?") from error
        except (OSError, http.client.HTTPException) as error:
            raise FrameError(f"{self._where} broke the connection ({_reason(error)})") from error
        if not found and self._answer.length:
            raise FrameError(f"{self._where} ended the connection {self._answer.length} bytes too early")
        before = self._bytes
        self._bytes += len(found)
        if not self.endless and self._bytes <= MOST and self._bytes // SLOWEST > before // SLOWEST:
            self._patience.renew()
        return found


class _Watching(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    """Opens connections that are given up."""

    def __init__(self, patience: Patience) -> None:
        super().__init__()
        self._patience = patience

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(HttpConnection, patience=self._patience), req)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(HttpsConnection, patience=self._patience), req)


class _Redirect(urllib.request.HTTPRedirectHandler):
    """Leaves the content of a redirection unread, which may be endless."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        fp.close()
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _without_user(address: str) -> tuple[str, str, str]:
    """The address, and the user and the password that it names."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    if not host.isascii():
        host = host.encode("idna").decode()
    bare = quote(urlunsplit(parts._replace(netloc=host, fragment="")), safe=punctuation)
    return bare, unquote(parts.username or ""), unquote(parts.password or "")


def _meaning(code: int) -> str:
    return HTTPStatus(code).phrase if code in HTTPStatus._value2member_map_ else ""


def _reason(error: Exception) -> str:
    """Without the address, which an error may show."""
    cause = getattr(error, "reason", error)
    if isinstance(cause, ImpatientError):
        return f"nothing whole came for {cause}"
    if isinstance(cause, TimeoutError):
        return f"nothing came for {TIMEOUT:g} s"
    if isinstance(cause, str):
        return cause
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return type(cause).__name__
