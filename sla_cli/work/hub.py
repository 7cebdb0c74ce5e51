"""Models on the Hugging Face hub, by huggingface_hub: hf://OWNER/NAME@REVISION is a folder in its cache.

HF_HUB_OFFLINE, HF_HOME, HF_ENDPOINT and HF_TOKEN work as its documentation says.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import cast

from sla_cli.artifact.json_file import read_json
from sla_cli.errors import SlaError
from sla_cli.log import log

SCHEME = "hf:/"  # what a path leaves of hf://
# The client makes a path of the revision. As in git, no part of it begins with a dot, and none is empty.
PLACE = re.compile(r"hf:/{1,2}([\w.-]+/[\w.-]+?)@([\w-][\w.-]*(?:/[\w-][\w.-]*)*)")
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")  # the first part of a path that was an address
CONFIG, CARD = "config.json", "README.md"
FILE = r"\A(model\.safetensors|(backbone|head)\.onnx|[^/]+\.arpa(\.gz)?|tuning/[^/]+/[^/]+\.json)\Z"  # the others

NO_CONNECTION = ("the hub cannot be reached, or the connection broke off", "Try it again later.")
NO_HUB = ("what answers does not speak as the hub does", "HF_ENDPOINT or a proxy may lead to another server.")
# The last four are raised by the client where an answer lacks what it expects; ImportError by its HTTP client for a
# proxy of a kind (SOCKS) for which a package is missing.
FAILS = (OSError, RuntimeError, ValueError, ImportError, TypeError, AssertionError, KeyError, AttributeError)
# What an error of the client means, and what to do: by the name of its class or of a class above (not every version has
# all of them), or by the status of the hub's answer.
MEANING: dict[str | int, tuple[str, str]] = {
    "GatedRepoError": ("its owner lets only some users in", "Ask for access, then `hf auth login`."),
    "RevisionNotFoundError": ("the model has no such revision", "Name a tag, branch or commit of it."),
    "RepositoryNotFoundError": ("there is no such model, or it is private", "`hf auth login` lets you in."),
    "HFValidationError": ("the hub takes no such name", "Write OWNER/NAME, of letters, digits, -, _ and single dots."),
    "LocalEntryNotFoundError": (
        "it is not in the cache, and the hub cannot be reached",
        "Open it once with a network, or copy its folder to this machine and name that.",
    ),
    "OfflineModeIsEnabled": ("HF_HUB_OFFLINE forbids to ask the hub", "Unset it."),
    "LocalTokenNotFoundError": ("you are not logged in", "`hf auth login`, or set HF_TOKEN."),
    "TransportError": NO_CONNECTION,
    "ConnectionError": NO_CONNECTION,  # of earlier versions
    "FileNotFoundError": ("a file that the connection needs is missing", "SSL_CERT_FILE may name it."),
    401: ("the hub does not take your token", "`hf auth login`, or set HF_TOKEN; a token can expire."),
    **{status: (f"the hub itself fails ({status})", "Try it again later.") for status in (500, 502, 503, 504)},
    403: ("your token does not allow it", "It needs the right to read there, or to write for `sla publish`."),
    **dict.fromkeys(("JSONDecodeError", "TypeError", "AssertionError", "KeyError", "AttributeError"), NO_HUB),
}


def is_address(place: Path) -> bool:
    """Whether a path was an address, such as s3://a/b; not if its first part is a folder here."""
    first = next(iter(place.parts), "")
    return ADDRESS.fullmatch(first) is not None and not os.path.lexists(first)


def refuse_address(place: Path) -> None:
    """Raise SlaError for an address where a file or folder is written: of s3://a/b the folder s3:/a would be made."""
    if is_address(place):
        fault = f"{place.parts[0]} begins an address, and sla writes only to this machine"
        raise SlaError(fault, "Name a file or folder; `sla publish` uploads a model.")


def local(place: Path) -> Path:
    """The path itself, or for a model on the hub its folder in the cache; what is missing there is downloaded.

    Raises:
        SlaError: as `download`.
    """
    return download(place) if f"{place}/".startswith(SCHEME) else place


def download(place: Path) -> Path:
    """The folder of a model on the hub in the cache.

    Raises:
        SlaError: a place without revision, or as `asking_hub`.
    """
    found = PLACE.fullmatch(str(place))
    if found is None:
        raise SlaError(
            f"{place} does not name a model on the hub",
            "Write hf://OWNER/NAME@REVISION, with a tag, branch or commit.",
        )
    name, revision = found.groups()
    where = f"hf://{name}@{revision}"
    with asking_hub(f"{where} cannot be downloaded"):
        from huggingface_hub import snapshot_download

        get = partial(snapshot_download, name, library_name="sla")
        folder = Path(get(revision=revision, allow_patterns=[CONFIG, CARD]))
        if names := _files(folder / CONFIG):
            get(revision=folder.name, allow_patterns=names)
    log.info("model %s: %s", where, folder)
    return folder


def _files(config: Path) -> list[str]:
    """Patterns of the files of a model, by its config.json; none if it is not of sla."""
    named = read_json(config).get("files") if config.is_file() else None
    return [glob.escape(name) for name in named if re.match(FILE, name)] if isinstance(named, dict) else []


@contextmanager
def asking_hub(failed: str) -> Iterator[None]:
    """Say in one sentence why the hub's client fails in a block.

    Args:
        failed: how the sentence begins.

    Raises:
        SlaError: no access, no such model or revision, no network, or another error of the client.
    """
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

    transport = cast("type[Exception]", HfHubHTTPError.__mro__[1])  # of its HTTP client, which differs by version
    try:
        yield
    except (*FAILS, transport, EntryNotFoundError) as error:
        cause = _cause(error)
        keys = [one.__name__ for one in type(cause).__mro__]
        if isinstance(cause, OSError) and cause.filename is not None:
            raise SlaError(f"{failed}: {cause.filename}: {cause.strerror}", "HF_HOME names the cache.") from error
        status = getattr(getattr(cause, "response", None), "status_code", 0)
        told = " ".join(str(getattr(cause, "server_message", None) or cause).split()) or type(cause).__name__
        meaning, hint = next((MEANING[key] for key in [*keys, status] if key in MEANING), (told, ""))
        raise SlaError(f"{failed}: {meaning}", hint) from error


def _cause(error: Exception) -> BaseException:
    """What an error of the client comes from, where only its cause says it."""
    cause = error.__cause__
    if cause is None:
        return error
    if type(error).__name__ == "LocalEntryNotFoundError":  # also raised if the hub was reached
        answered = getattr(cause, "response", None) is not None or type(cause).__name__ == "OfflineModeIsEnabled"
        return cause if answered else error
    return cause if isinstance(error, RuntimeError) else error  # a file that could not be uploaded
