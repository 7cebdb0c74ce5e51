"""Short digests of values and bytes, which identify artifacts and their inputs."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def digest_json(value: Any) -> str:
    """A short stable digest of JSON values."""
    return digest_bytes(json.dumps(value, sort_keys=True, ensure_ascii=False).encode("utf-8", "backslashreplace"))


def digest_bytes(data: bytes) -> str:
    """16 hexadecimal digits of BLAKE2b."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()
