"""The values of a column that are not NULL, as they are kept from one walk over a table to the next ones.

Where the table fits into the cache they are a list of the very objects of its rows, else they are packed. Decimals
become multiples of a power of ten, of which there is one for all that a column with a scale holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from sys import getsizeof
from typing import Any

from ..values import Scaled, scaled
from .compact import Unpackable, pack, unpack

_MOST_BYTES = 24
"""Values that are longer when packed, on an average, are not worth their room."""


class Present:
    """Such values, which take about ``size`` bytes; none if they are not worth that."""

    __slots__ = ("_exponent", "_packed", "_values", "size")

    def __init__(self, values: list[Any], in_memory: bool) -> None:
        multiples = scaled(values) if values and type(values[0]) is Decimal else None
        self._exponent = None if multiples is None else multiples.exponent
        self._values: list[Any] | None = None
        self._packed = b""
        if in_memory:
            self._values = values = values if multiples is None else multiples
            # Objects are those of rows that are in the cache, mostly: but they may outlast these.
            self.size = getsizeof(values) + (len(values) * getsizeof(values[0]) if values else 0)
        else:
            self._packed = packed_values(values if multiples is None else multiples)
            self.size = len(self._packed)

    def values(self) -> Sequence[Any] | None:
        """The values, or ``Scaled`` for decimals; None if they were too long."""
        if self._values is not None:
            return self._values
        return self._unpacked() if self._packed else None

    def _unpacked(self) -> Sequence[Any]:
        (values,) = unpack(self._packed)
        return values if self._exponent is None else Scaled(values, self._exponent)


def packed_values(values: Sequence[Any]) -> bytes:
    """The values as bytes, or none if they are too long for that."""
    try:
        packed = pack(values)
    except Unpackable:
        return b""
    return packed if len(packed) <= _MOST_BYTES * len(values) else b""
