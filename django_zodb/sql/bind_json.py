"""PostgreSQL's JSON operators, and the functions that make documents, → calls of ``functions.json``.

``a -> 'b' ->> 0`` becomes one ``JSON_EXTRACT_PATH_TEXT(a, 'b', '0')``: decoded once, however long the path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from ..errors import DataError, NotSupportedError
from ..values import BOOLEAN, JSON, TEXT
from .bind_args import written_name
from .bind_context import Context
from .coerce import Misfit, convert, settle
from .documents import embedded, extracted
from .expr import Call, Constant, Expr, is_nullable
from .functions.json import path_steps

Bind = Callable[[exp.Expression, Context], Expr]

JSON_NAMES = {
    "JSONB_AGG": "JSON_AGG",
    "JSONB_BUILD_ARRAY": "JSON_ARRAY",
    "JSONB_BUILD_OBJECT": "JSON_OBJECT",
    "JSONB_CONTAINS": "JSON_CONTAINS",
    "JSON_BUILD_ARRAY": "JSON_ARRAY",
    "JSON_BUILD_OBJECT": "JSON_OBJECT",
}
"""Other names of functions → the one they are registered by."""

JSON_BUILDERS = ("JSON_ARRAY", "JSON_OBJECT")
"""Functions whose arguments may be of any type, and become documents."""

JSON_AGGREGATES = ("JSON_AGG", "JSON_OBJECT_AGG")
"""Aggregates whose last argument may be of any type, and becomes a document."""


def documents_of(name: str, args: list[Expr]) -> list[Expr]:
    """The arguments of a builder, each as a document; the keys of an object as texts."""
    if name == "JSON_OBJECT":
        if len(args) % 2:
            raise Misfit(f"an object is made of keys and values in turn, not of {len(args)} argument(s)")
        return [embedded(arg) if at % 2 else convert(arg, TEXT) for at, arg in enumerate(args)]
    return [embedded(arg) for arg in args]


def _extract(node: exp.Expression, here: Context, bind: Bind) -> Expr:
    """``->``, ``->>``, and the functions JSON_EXTRACT_PATH and JSON_EXTRACT_PATH_TEXT."""
    document = convert(bind(node.this, here), JSON)
    if written_name(here.statement.text, node) == "JSON_EXTRACT":
        if node.args.get("expressions"):
            raise here.unsupported(node, "JSON_EXTRACT of several paths is not supported (write JSON_BUILD_ARRAY(…))")
        if not isinstance(node.expression, exp.JSONPath):
            return _extract_by_path(node, document, here, bind)
    path = _path(node.expression, here, bind)
    path += [convert(bind(each, here), TEXT) for each in node.args.get("expressions") or ()]
    return extracted(document, path, _function(node))


def _extract_by_path(node: exp.Expression, document: Expr, here: Context, bind: Bind) -> Expr:
    """JSON_EXTRACT by a path that the parser has not read: it has other words, or is no literal."""
    path = convert(bind(node.expression, here), TEXT)
    if isinstance(path, Constant) and path.value is not None:
        try:
            return extracted(document, [Constant(step, TEXT) for step in path_steps(path.value)])
        except DataError as error:
            raise Misfit(str(error), DataError) from error
    return Call("JSON_EXTRACT", (document, path), JSON)


def _path(node: exp.Expression, here: Context, bind: Bind) -> list[Expr]:
    """The parser makes a path of literals, and leaves anything else."""
    if not isinstance(node, exp.JSONPath):
        return [convert(bind(node, here), TEXT)]
    steps: list[Expr] = []
    for step in node.expressions:
        if isinstance(step, exp.JSONPathRoot):
            continue
        if not isinstance(step, exp.JSONPathKey | exp.JSONPathSubscript) or not isinstance(step.this, str | int):
            raise Misfit("a JSON path with anything but keys and positions is not supported", NotSupportedError)
        steps.append(Constant(str(step.this), TEXT))
    return steps


def _extract_by_list(node: exp.Expression, here: Context, bind: Bind) -> Expr:
    """``#>`` and ``#>>``, whose path is ``'{a,b}'`` or ``ARRAY['a', 'b']``."""
    return extracted(convert(bind(node.this, here), JSON), _texts(node.expression, here, bind), _function(node))


def _function(node: exp.Expression) -> str:
    text = isinstance(node, exp.JSONExtractScalar | exp.JSONBExtractScalar)
    return "JSON_EXTRACT_PATH_TEXT" if text else "JSON_EXTRACT_PATH"


def _texts(node: exp.Expression, here: Context, bind: Bind) -> list[Expr]:
    """The members of an array of texts."""
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.Array):
        here.consume(node)
        return [convert(bind(each, here), TEXT) for each in node.expressions]
    text = node.this if isinstance(node, exp.Literal) and node.is_string else ""
    if not text.startswith("{") or not text.endswith("}") or any(special in text[1:-1] for special in '{}"\\'):
        raise here.unsupported(node, "an array of texts is written ARRAY['a', 'b'] or '{a,b}'")
    return [Constant(each.strip(), TEXT) for each in text[1:-1].split(",") if text != "{}"]


def _contains(node: exp.Expression, here: Context, bind: Bind) -> Expr:
    """``a @> b`` and ``b <@ a``."""
    sides = [convert(bind(side, here), JSON) for side in (node.this, node.expression)]
    return _test("JSON_CONTAINS", sides if isinstance(node, exp.ArrayContainsAll) else sides[::-1])


def _has_key(node: exp.Expression, here: Context, bind: Bind) -> Expr:
    return _test("JSON_HAS_KEY", [convert(bind(node.this, here), JSON), convert(bind(node.expression, here), TEXT)])


def _has_keys(node: exp.Expression, here: Context, bind: Bind) -> Expr:
    name = "JSON_HAS_ALL_KEYS" if isinstance(node, exp.JSONBContainsAllTopKeys) else "JSON_HAS_ANY_KEY"
    return _test(name, [convert(bind(node.this, here), JSON), *_texts(node.expression, here, bind)])


def _test(name: str, args: Sequence[Expr]) -> Expr:
    return Call(name, tuple(args), BOOLEAN, any(map(is_nullable, args)))


def _object(node: exp.Expression, here: Context, bind: Bind) -> Expr:
    """``JSON_OBJECT('a': 1, 'b' VALUE 2)``."""
    args: list[Expr] = []
    for pair in node.expressions:
        here.consume(pair)
        args += [settle(bind(pair.this, here), here.params), settle(bind(pair.expression, here), here.params)]
    returned = node.args.get("return_type")
    if returned and returned.name.lower() not in ("json", "jsonb"):
        raise here.unsupported(node, "JSON_OBJECT returns JSON, nothing else")
    return Call("JSON_OBJECT", tuple(documents_of("JSON_OBJECT", args)), JSON, nullable=False)


def _type_of(node: exp.Expression, here: Context, bind: Bind) -> Expr:
    document = convert(bind(node.this, here), JSON)
    return Call("JSON_TYPEOF", (document,), TEXT, is_nullable(document))


JSON_BINDERS: dict[type[exp.Expression], Callable[[exp.Expression, Context, Bind], Expr]] = {
    exp.JSONExtract: _extract,
    exp.JSONExtractScalar: _extract,
    exp.JSONBExtract: _extract_by_list,
    exp.JSONBExtractScalar: _extract_by_list,
    exp.ArrayContainsAll: _contains,
    exp.ArrayContainedBy: _contains,
    exp.JSONBContainsTopKey: _has_key,
    exp.JSONBContainsAnyTopKeys: _has_keys,
    exp.JSONBContainsAllTopKeys: _has_keys,
    exp.JSONObject: _object,
    exp.JSONType: _type_of,
}
"""Class of node → how it is bound."""
