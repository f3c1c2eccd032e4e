"""Functions of no family: UUIDs and bits."""

from __future__ import annotations

import secrets
import time
import uuid

from ...clock import dt
from ...errors import DataError
from ...values import BIGINT, INTERVAL, UUID_TYPE
from .base import Function


def _uuid7(shift: dt.timedelta | None = None) -> uuid.UUID:
    """A UUID of the current time, moved by ``shift``: 60 bits of it (RFC 9562, method 3), then random ones."""
    nanoseconds = time.time_ns() + (0 if shift is None else shift // _MICROSECOND * 1000)
    milliseconds, rest = divmod(nanoseconds, 1_000_000)
    if not 0 <= milliseconds < 1 << 48:
        raise DataError(f"UUIDV7: the time shifted by {shift} is out of range")
    fraction = (rest << 12) // 1_000_000
    value = milliseconds << 80 | 7 << 76 | fraction << 64 | 2 << 62 | secrets.randbits(62)
    return uuid.UUID(int=value)


_MICROSECOND = dt.timedelta(microseconds=1)
_UUID4 = Function(uuid.uuid4, UUID_TYPE, (), 0, 0, stable=False)

FUNCTIONS: dict[str, Function] = {
    "BITAND": Function(lambda left, right: left & right, BIGINT, (BIGINT,), 2, 2, template="({0} & {1})"),
    "BITOR": Function(lambda left, right: left | right, BIGINT, (BIGINT,), 2, 2, template="({0} | {1})"),
    "BITXOR": Function(lambda left, right: left ^ right, BIGINT, (BIGINT,), 2, 2, template="({0} ^ {1})"),
    "GEN_RANDOM_UUID": _UUID4,
    "UUIDV4": _UUID4,
    "UUIDV7": Function(_uuid7, UUID_TYPE, (INTERVAL,), 0, 1, stable=False),
}
