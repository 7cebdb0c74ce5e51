from __future__ import annotations

import errno
from pathlib import Path

import pytest

from sla_cli.system.regular_file import read_regular


def test_a_file_that_no_memory_holds_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a hole: takes no room on the disk
    with pytest.raises(OSError, match="more than 512 MiB") as caught:
        read_regular(path)
    assert caught.value.errno == errno.EFBIG
    path.write_bytes(b"12345")
    assert read_regular(path, 5) == b"12345"
    with pytest.raises(OSError, match="more than 4 bytes"):
        read_regular(path, 4)
