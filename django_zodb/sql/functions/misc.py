"""Functions of no family: UUIDs and bits."""

from __future__ import annotations

import uuid

from ...values import BIGINT, UUID_TYPE
from .base import Function

_UUID4 = Function(uuid.uuid4, UUID_TYPE, (), 0, 0, stable=False)

FUNCTIONS: dict[str, Function] = {
    "BITAND": Function(lambda left, right: left & right, BIGINT, (BIGINT,), 2, 2, template="({0} & {1})"),
    "BITOR": Function(lambda left, right: left | right, BIGINT, (BIGINT,), 2, 2, template="({0} | {1})"),
    "BITXOR": Function(lambda left, right: left ^ right, BIGINT, (BIGINT,), 2, 2, template="({0} ^ {1})"),
    "GEN_RANDOM_UUID": _UUID4,
    "UUIDV4": _UUID4,
}
