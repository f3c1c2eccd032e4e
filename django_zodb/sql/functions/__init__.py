"""The functions that SQL may call, in families as in ``django.db.models.functions``.

Each module of this package holds tables, ``FUNCTIONS`` or ``AGGREGATES``, of the entries that ``base`` describes, and
the Python functions they name; this module merges them. The binder looks a name up (upper case), casts the arguments
to ``params`` and asks ``result`` for the type; the emitter prints ``template`` or a call. A new function is one line
in one table.
"""

from __future__ import annotations

from . import aggregates, comparison, datetime, json, math, misc, text, trunc
from .aggregates import IN_LINE
from .base import AggregateFunction, Function, ResultType
from .ordered_sets import AGGREGATES as ORDERED_SETS
from .sums import average_of

__all__ = [
    "AGGREGATES",
    "FUNCTIONS",
    "IN_LINE",
    "ORDERED_SETS",
    "AggregateFunction",
    "Function",
    "ResultType",
    "average_of",
]

FUNCTIONS: dict[str, Function] = {
    **comparison.FUNCTIONS,
    **math.FUNCTIONS,
    **text.FUNCTIONS,
    **datetime.FUNCTIONS,
    **trunc.FUNCTIONS,
    **json.FUNCTIONS,
    **misc.FUNCTIONS,
}
"""Every scalar function by its name in upper case."""

AGGREGATES: dict[str, AggregateFunction] = {**aggregates.AGGREGATES, **json.AGGREGATES, **ORDERED_SETS}
"""Every aggregate by its name in upper case; those of ``ORDERED_SETS`` go with WITHIN GROUP, and with nothing else."""
