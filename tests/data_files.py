"""What a data file holds, without the room that may be behind its last transaction while it is open."""

from __future__ import annotations

import os
from pathlib import Path

from django_zodb.storage.room import used


def used_length(path: str | Path) -> int:
    """Bytes up to where the last transaction ends."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return used(descriptor, 0)
    finally:
        os.close(descriptor)


def used_bytes(path: str | Path) -> bytes:
    """These bytes."""
    return Path(path).read_bytes()[: used_length(path)]
