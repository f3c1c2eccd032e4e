"""Nothing is dropped: which arguments of which node the binder reads, and the refusal of every other.

sqlglot accepts more than it tells: TABLESAMPLE, WITH TIES, NATURAL and many more come back as one more argument of a
node. So each node that the binder meets passes ``consume``, which raises NotSupportedError for a class that is not in
``READ`` and for an argument that is set but not named there. ``IGNORED`` are arguments that say nothing here: notes to
sqlglot's generators, or flags that hold for this dialect anyway.
"""

from __future__ import annotations

import re

from sqlglot import exp

from ..errors import ProgrammingError
from .instead import for_function
from .parse import unsupported

_BINARY = "this expression"

READ: dict[type[exp.Expression], str] = {
    # statements
    exp.Select: "with_ expressions distinct from_ joins where group having windows order limit offset locks",
    exp.Union: "with_ this expression distinct order limit offset",
    exp.Intersect: "with_ this expression distinct order limit offset",
    exp.Except: "with_ this expression distinct order limit offset",
    exp.Subquery: "with_ this alias order limit offset",
    exp.Values: "expressions alias order limit offset",
    exp.Insert: "with_ this expression conflict alternative returning default",
    exp.Update: "with_ this expressions from_ where returning",
    exp.Delete: "with_ this using where returning",
    # their parts
    exp.With: "expressions recursive",
    exp.CTE: "this alias materialized",
    exp.From: "this",
    exp.Table: "this alias joins db",
    exp.TableAlias: "this columns",
    exp.Join: "this on side kind using method",
    exp.Lateral: "this alias",
    exp.Where: "this",
    exp.Group: "expressions",
    exp.Having: "this",
    exp.Order: "this expressions",
    exp.Ordered: "this desc nulls_first",
    exp.Limit: "expression",
    exp.Offset: "expression",
    exp.Fetch: "count limit_options",
    exp.LimitOptions: "rows",
    exp.Distinct: "expressions on",
    exp.Lock: "update expressions wait",
    exp.Schema: "this expressions",
    exp.OnConflict: "expressions action conflict_keys constraint where",
    exp.Returning: "expressions",
    exp.Alias: "this alias",
    exp.Star: "",
    exp.Tuple: "expressions",
    # values
    exp.Column: "this table",
    exp.Placeholder: "this",
    exp.Literal: "this is_string",
    exp.ByteString: "this",
    exp.HexString: "this",
    exp.RawString: "this",
    exp.Boolean: "this",
    exp.Null: "",
    exp.Interval: "this unit",
    exp.Paren: "this",
    # operators
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ), _BINARY),
    **dict.fromkeys((exp.And, exp.Or, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod), _BINARY),
    **dict.fromkeys((exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor), _BINARY),
    **dict.fromkeys((exp.BitwiseLeftShift, exp.BitwiseRightShift, exp.DPipe, exp.Escape, exp.Collate), _BINARY),
    **dict.fromkeys((exp.Not, exp.Neg, exp.BitwiseNot, exp.Exists, exp.Any, exp.All), "this"),
    exp.Is: "this expression negate",
    exp.Like: "this expression negate",
    exp.ILike: "this expression negate",
    exp.RegexpLike: _BINARY,
    exp.RegexpILike: _BINARY,
    exp.Between: "this low high symmetric",
    exp.In: "this expressions query",
    exp.Array: "expressions",
    exp.Case: "this ifs default",
    exp.If: "this true false",
    exp.Cast: "this to",
    exp.AtTimeZone: "this zone",
    exp.Extract: "this expression",
    exp.Filter: "this expression",
    exp.WithinGroup: "this expression",
    # windows
    exp.Window: "this partition_by order spec alias",
    exp.WindowSpec: "kind start start_side end end_side exclude",
    **dict.fromkeys((exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist), ""),
    **dict.fromkeys((exp.FirstValue, exp.LastValue, exp.Ntile), "this"),
    **dict.fromkeys((exp.Lag, exp.Lead), "this offset default"),
    exp.NthValue: "this offset",
    # functions that need a hand; the rest are in bind_functions.CALLS
    exp.Anonymous: "this expressions",
    exp.Coalesce: "this expressions",
    exp.Nullif: "this expression",
    exp.Greatest: "this expressions",
    exp.Least: "this expressions",
    exp.Trim: "this expression position",
    exp.Pad: "this expression fill_pattern is_left",
    exp.TimestampTrunc: "this unit zone",
    exp.SHA2Digest: "this length",
    exp.SHA2: "this length",
    exp.Hex: "this",
    exp.RegexpReplace: "this expression replacement modifiers single_replace",
    exp.Date: "this",
    exp.JSONExtract: "this expression expressions",
    exp.JSONExtractScalar: "this expression expressions",
    **dict.fromkeys((exp.JSONBExtract, exp.JSONBExtractScalar, exp.ArrayContainsAll, exp.ArrayContainedBy), _BINARY),
    **dict.fromkeys((exp.JSONBContainsTopKey, exp.JSONBContainsAnyTopKeys, exp.JSONBContainsAllTopKeys), _BINARY),
    exp.JSONObject: "expressions return_type",
    exp.JSONKeyValue: _BINARY,
    exp.JSONType: "this",
}
"""Class of node → the names of the arguments that the binder reads."""

IGNORED: dict[type[exp.Expression], str] = {
    exp.Coalesce: "is_nvl is_null",
    exp.Concat: "safe coalesce",
    exp.ConcatWs: "safe coalesce",
    exp.Count: "big_int",
    exp.Div: "typed safe",
    exp.DPipe: "safe",
    exp.Greatest: "ignore_nulls",
    exp.Initcap: "expression",
    exp.Array: "bracket_notation value_constructor",
    exp.Join: "",
    exp.Least: "ignore_nulls",
    exp.Fetch: "direction",
    exp.Window: "over",
    exp.JSONExtract: "only_json_types",
    exp.JSONExtractScalar: "only_json_types",
}
"""Class of node → the names of arguments that are set, but say nothing here."""

_CLASS_NAMES: dict[type[exp.Expression], str] = {
    exp.IgnoreNulls: "IGNORE NULLS",
    exp.RespectNulls: "RESPECT NULLS",
    exp.Dot: "a qualified function or a field of a value",
    exp.Rollup: "ROLLUP",
}

_NAMES = {
    "sample": "TABLESAMPLE",
    "hint": "a hint",
    "only": "ONLY",
    "db": "a schema name",
    "catalog": "a database name",
    "search": "SEARCH",
    "cycle": "CYCLE",
    "with_ties": "WITH TIES",
    "percent": "PERCENT",
    "all": "GROUP BY ALL",
    "index_predicate": "ON CONFLICT (…) WHERE",
    "key": "FOR NO KEY UPDATE",
    "except_": "* EXCEPT",
    "tables": "DELETE of several tables",
    "into": "INTO",
}

_ARGUMENTS: dict[tuple[type[exp.Expression], str], str] = {
    (exp.Max, "expressions"): "MAX of several values (write GREATEST)",
    (exp.Min, "expressions"): "MIN of several values (write LEAST)",
    (exp.Date, "zone"): "DATE with a modifier (write + INTERVAL, or DATE_TRUNC)",
    (exp.Placeholder, "jdbc"): "? as a placeholder (write %s or %(name)s)",
    (exp.In, "field"): "IN without parentheses (write a placeholder for each value: IN (%s, %s))",
}


def consume(text: str, node: exp.Expression) -> None:
    """Let ``node`` pass if every argument it has is read or means nothing; else NotSupportedError, located."""
    if node is None:  # which the parser leaves where something should stand
        raise ProgrammingError("syntax error: an expression is missing")
    known = _known(type(node))
    if known is None:
        what = _CLASS_NAMES.get(type(node)) or _spelled(text, node)
        raise unsupported(text, node, f"{what} is not supported")
    for name, value in node.args.items():
        if value and name not in known:
            part = value[0] if isinstance(value, list) else value
            at = part if isinstance(part, exp.Expression) else node
            known_as = _ARGUMENTS.get((type(node), name)) or _NAMES.get(name)
            what = known_as or f"{name.strip('_').upper()} in {_spelled(text, node)}"
            raise unsupported(text, at, f"{what} is not supported")


_cache: dict[type[exp.Expression], frozenset[str]] = {}


def _known(class_: type[exp.Expression]) -> frozenset[str] | None:
    names = _cache.get(class_)
    if names is None:
        read = READ.get(class_)
        if read is None:
            from .bind_functions import CALLS

            entry = CALLS.get(class_)
            if entry is None:
                return None
            read = " ".join(entry[1])
        names = _cache[class_] = frozenset(f"{read} {IGNORED.get(class_, '')}".split())
    return names


def written_name(text: str, node: exp.Expression) -> str:
    """The name of a function as the statement calls it, in capitals; empty for an operator, and a form of its own."""
    start, end = node.meta.get("start"), node.meta.get("end")
    written = "" if start is None or end is None else text[start : end + 1]
    return written.upper() if written.isidentifier() else ""


def _spelled(text: str, node: exp.Expression) -> str:
    """``JSON_SET``, which is a function, as it was written; ``AlterColumn`` → ``ALTER COLUMN``."""
    if isinstance(node, exp.Func):
        name = written_name(text, node) or node.sql_name()
        return name + for_function(name)
    return re.sub("(?<=[a-z])(?=[A-Z])", " ", type(node).__name__).upper()
