"""Models on the Hugging Face hub, by huggingface_hub: hf://OWNER/NAME@REVISION is a folder in its cache.

HF_HUB_OFFLINE, HF_HOME, HF_ENDPOINT and HF_TOKEN work as its documentation says.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast

from sla_cli.errors import SlaError
from sla_cli.log import log

SCHEME = "hf:/"  # what a path leaves of hf://
PLACE = re.compile(r"hf:/{1,2}([\w.-]+/[\w.-]+?)@([\w./-]+)")
WANTED = (
    "config.json",
    "model.safetensors",
    "README.md",
    "*.onnx",
    "*.arpa",
    "*.arpa.gz",
    "tuning/*/*.json",
)  # nothing else


def local(place: Path) -> Path:
    """The path itself, or for a model on the hub its folder in the cache; what is missing there is downloaded.

    Raises:
        SlaError: as `download`.
    """
    return download(place) if str(place).startswith(SCHEME) else place


def download(place: Path) -> Path:
    """The folder of a model on the hub in the cache.

    Raises:
        SlaError: a place without revision, no such model or revision, no access, or no network.
    """
    found = PLACE.fullmatch(str(place))
    if found is None:
        raise SlaError(
            f"{place} does not name a model on the hub", "Write hf://OWNER/NAME@REVISION, with a tag, branch or commit."
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    name, revision = found.groups()
    transport = cast("type[Exception]", HfHubHTTPError.__mro__[1])  # of its HTTP client, which differs by version
    where = f"hf://{name}@{revision}"
    try:
        folder = snapshot_download(name, revision=revision, allow_patterns=list(WANTED), library_name="sla")
    except GatedRepoError as error:
        raise SlaError(
            f"{where}: its owner lets only some users in", "Ask for access, then `hf auth login`."
        ) from error
    except RevisionNotFoundError as error:
        raise SlaError(f"{where}: the model has no such revision", "Name a tag, branch or commit of it.") from error
    except RepositoryNotFoundError as error:
        raise SlaError(f"{where}: there is no such model, or it is private", "`hf auth login` lets you in.") from error
    except HFValidationError as error:
        raise SlaError(f"{where}: the hub takes no such name", "Write hf://OWNER/NAME@REVISION.") from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        raise SlaError(
            f"{where} is not in the cache, and the hub cannot be reached",
            "Open it once with a network, or copy its folder to this machine and name that.",
        ) from error
    except (transport, HfHubHTTPError, EntryNotFoundError, OSError) as error:
        first = str(error).strip().splitlines()
        raise SlaError(f"{where} cannot be downloaded: {first[0] if first else type(error).__name__}") from error
    log.info("model %s: %s", where, folder)
    return Path(folder)
