"""Scalar expressions of the parser → bound, typed ``Expr``.

``bind_expr`` looks the node's class up in ``EXPRESSIONS`` and adds the place to whatever the binder of that class
refuses. Its result may be open (see ``coerce``); ``bind_value`` settles it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from sqlglot import exp

from ..record import replace
from ..values import (
    BIGINT,
    BOOLEAN,
    BYTES,
    CODE_POINT_COLLATIONS,
    DECIMAL,
    INTEGER,
    INTERVAL,
    NOCASE,
    TEXT,
    UNKNOWN,
    Kind,
)
from .bind_context import Context, name_of
from .bind_functions import CALLS, FUNCTION_BINDERS, bind_call
from .bind_operators import OPERATORS, arithmetic, calendar, concat, negate, negative
from .bind_types import bind_type
from .bind_window import WINDOW_CALLS, bind_window, needs_over
from .coerce import Misfit, cast, compare, condition, convert, is_open, literal, same_kind, settle, unify
from .collations import collated
from .expr import (
    And,
    Case,
    Column,
    Compare,
    Constant,
    Exists,
    Expr,
    In,
    InPlan,
    IsDistinct,
    IsNull,
    IsTruth,
    Like,
    Or,
    Param,
    Regex,
    Subquery,
    is_lookup,
    type_of,
)
from .parse import QUERIES, locate, parameter_of
from .patterns import caseless
from .plan import Node, Output, OutputColumn, Project, Values
from .scope import NameProblem

MOST_ROWS_AS_OR = 20
"""``(a, b) IN (…)`` with more rows than this becomes a join with these rows, with fewer a chain of OR."""


def bind_expr(node: exp.Expression, here: Context) -> Expr:
    """The expression, typed as far as it can say itself."""
    node = _without_parentheses(node, here)
    here.consume(node)
    try:
        binder = EXPRESSIONS.get(type(node))
        if binder is not None:
            return binder(node, here)
        if type(node) in CALLS:
            return bind_call(node, here, bind_expr)
    except (Misfit, NameProblem) as problem:
        raise here.located(problem, node) from problem
    if isinstance(node, exp.Tuple):
        raise here.wrong(node, "a row is no value: it can be compared with rows, by =, <>, <, <=, >, >= and IN")
    if isinstance(node, exp.Array):
        raise here.unsupported(node, "an array is no value here: write IN (…), a row for each element, or JSON")
    raise here.wrong(node, "no expression")


def bind_value(node: exp.Expression, here: Context) -> Expr:
    """The expression with its type settled, by the class of a parameter's value where nothing else decides."""
    return settle(bind_expr(node, here), here.params)


def bind_condition(node: exp.Expression, here: Context, clause: str) -> Expr:
    """The expression as a truth value."""
    with here.placed(node):
        return condition(bind_expr(node, here), clause)


# --- leaves --------------------------------------------------------------------------------------------------------


def plain_column(node: exp.Expression, here: Context) -> Column | None:
    """What ``"table"."column"`` means, where both are named exactly so, as Django does it; else None."""
    args = node.args
    if len(args) != 2:
        return None
    table, name = args.get("table"), args["this"]
    if type(table) is not exp.Identifier or type(name) is not exp.Identifier:
        return None
    return here.scope.column(table.this, name.this)


def _column(node: exp.Expression, here: Context) -> Expr:
    if not isinstance(node.this, exp.Identifier):
        raise here.wrong(node, "* is no expression")
    table = node.args.get("table")
    return here.scope.resolve(None if table is None else name_of(table), name_of(node.this))


def _placeholder(node: exp.Expression, here: Context) -> Expr:
    index = parameter_of(node)
    many = here.params.many(index)
    if many:
        here.params.ask(index)  # the cache tells lists of one class from others
    return Param(index, UNKNOWN, many=many)


def _literal(node: exp.Expression, here: Context) -> Expr:
    text = node.this
    if node.args["is_string"]:
        return Constant(text, TEXT)
    if not text.isdigit():
        return Constant(Decimal(text), DECIMAL)
    value = int(text)
    if value < 1 << 31:
        return Constant(value, INTEGER)
    return Constant(value, BIGINT) if value < 1 << 63 else Constant(Decimal(text), DECIMAL)


def _escaped_text(node: exp.Expression, here: Context) -> Expr:
    return Constant(node.this, TEXT)


def _bytes(node: exp.Expression, here: Context) -> Expr:
    try:
        return Constant(bytes.fromhex(node.this), BYTES)
    except ValueError as error:
        raise here.wrong(node, "no bytes in hexadecimal digits") from error


def _boolean(node: exp.Expression, here: Context) -> Expr:
    return Constant(bool(node.this), BOOLEAN)


def _null(node: exp.Expression, here: Context) -> Expr:
    return Constant(None, UNKNOWN)


def _interval(node: exp.Expression, here: Context) -> Expr:
    unit = node.args.get("unit")
    if isinstance(node.this, exp.Placeholder) and unit is None:
        return convert(bind_expr(node.this, here), INTERVAL)
    if not isinstance(node.this, exp.Literal) or not (unit is None or isinstance(unit, exp.Var)):
        raise here.unsupported(node, "this form of INTERVAL is not supported")
    return literal(f"{node.this.this} {unit.this}" if unit else node.this.this, INTERVAL)


def _collate(node: exp.Expression, here: Context) -> Expr:
    return collated_as(node, bind_expr(node.this, here), here)


def collated_as(node: exp.Expression, expr: Expr, here: Context) -> Expr:
    """``expr`` under the collation that the COLLATE of ``node`` names."""
    known = (*CODE_POINT_COLLATIONS, NOCASE)
    name = node.expression.name
    found = next((each for each in known if each.lower() == name.lower()), None)
    if found is None:
        raise here.unsupported(node, f'collation "{name}" is not supported; there are: {", ".join(known)}')
    return collated(convert(expr, TEXT), found)


def _arithmetic(node: exp.Expression, here: Context) -> Expr:
    """Both sides of an operator; a loop down the left ones, since a chain of a thousand terms nests as deeply."""
    chain = [node]
    while type(inner := _without_parentheses(chain[-1].this, here)) in OPERATORS:
        here.consume(inner)
        chain.append(inner)
    left = bind_expr(inner, here)
    for each in reversed(chain):
        try:
            left = calendar(each, left, here.params) or arithmetic(
                each, left, bind_expr(each.expression, here), here.params
            )
        except Misfit as problem:
            raise here.located(problem, each) from problem
    return left


def _without_parentheses(node: exp.Expression, here: Context) -> exp.Expression:
    while type(node) is exp.Paren:
        here.consume(node)
        node = node.this
    return node


# --- truth ---------------------------------------------------------------------------------------------------------


def _and(node: exp.Expression, here: Context) -> Expr:
    return And(_terms(node, here, "AND"))


def _or(node: exp.Expression, here: Context) -> Expr:
    return Or(_terms(node, here, "OR"))


def _terms(node: exp.Expression, here: Context, word: str) -> tuple[Expr, ...]:
    """The terms of a chain, in order; a loop, since a thousand terms nest as deeply."""
    class_, nodes = type(node), []
    while True:
        nodes.append(node.expression)
        node = node.this
        if type(node) is not class_:
            break
        here.consume(node)
    nodes.append(node)
    terms: list[Expr] = []
    for part in reversed(nodes):
        term = bind_condition(part, here, word)
        same = term.terms if isinstance(term, And if class_ is exp.And else Or) else (term,)
        terms.extend(same)
    return tuple(terms)


def _not(node: exp.Expression, here: Context) -> Expr:
    return negate(bind_condition(node.this, here, "NOT"))


_OPERATORS: dict[type[exp.Expression], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}


def _comparison(node: exp.Expression, here: Context) -> Expr:
    op = _OPERATORS[type(node)]
    if _quantifier(node.expression) is not None:
        return _quantified(node, op, here)
    left, right = _row(node.this), _row(node.expression)
    if left is None and right is None:
        return _compared(op, bind_expr(node.this, here), bind_expr(node.expression, here), here)
    width = len(left or right or ())
    one, other = (row_values(each, width, here) for each in (node.this, node.expression))
    if len(one) != len(other):
        raise here.wrong(node, f"rows of {len(one)} and {len(other)} values are compared")
    return _rows_compared(op, list(zip(one, other, strict=True)), here)


def row_values(node: exp.Expression, width: int, here: Context) -> list[Expr]:
    """The values of a row; a subquery is bound once more for each, so that each is a value of its one row."""
    row = _row(node)
    if row is not None:
        return [bind_expr(each, here) for each in row]
    while isinstance(node, exp.Paren):
        node = node.this
    if not isinstance(node, QUERIES):
        raise here.unsupported(node, "a row of values is a row or a subquery: anything else is not supported")
    values: list[Expr] = []
    for at in range(width):
        plan, columns = _subquery(node, here)
        if len(columns) != width:
            raise here.wrong(node, f"the subquery has {len(columns)} columns, not {width}")
        column, name = columns[at]
        values.append(Subquery(Project(plan, here.alias("value"), (Output(name, column),)), type_of(column)))
    return values


def _compared(op: str, left: Expr, right: Expr, here: Context) -> Expr:
    left, right = compare(left, right, op, here.params)
    return Compare(op, left, right)  # type: ignore[arg-type]


def _rows_compared(op: str, pairs: Sequence[tuple[Expr, Expr]], here: Context) -> Expr:
    if op == "=":
        return And(tuple(_compared("=", left, right, here) for left, right in pairs))
    if op == "<>":
        return Or(tuple(_compared("<>", left, right, here) for left, right in pairs))
    (left, right), *rest = pairs
    if not rest:
        return _compared(op, left, right, here)
    later = And((_compared("=", left, right, here), _rows_compared(op, rest, here)))
    return Or((_compared(op[0], left, right, here), later))


def _row(node: exp.Expression) -> list[exp.Expression] | None:
    """The values of ``(a, b)`` or ``ROW(a, b)``; None for anything else."""
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.Tuple) or (isinstance(node, exp.Anonymous) and node.name.upper() == "ROW"):
        return list(node.expressions)
    return None


def _distinct_from(node: exp.Expression, here: Context) -> Expr:
    left, right = compare(bind_expr(node.this, here), bind_expr(node.expression, here), "IS DISTINCT FROM", here.params)
    return IsDistinct(left, right, negated=isinstance(node, exp.NullSafeEQ))


def _is(node: exp.Expression, here: Context) -> Expr:
    negated = bool(node.args.get("negate"))
    if isinstance(node.expression, exp.Null):
        return IsNull(bind_expr(node.this, here), negated)
    if isinstance(node.expression, exp.Boolean):
        return IsTruth(bind_condition(node.this, here, "IS"), bool(node.expression.this), negated)
    left, right = compare(bind_expr(node.this, here), bind_expr(node.expression, here), "IS", here.params)
    return IsDistinct(left, right, negated=not negated)  # SQLite's word for IS NOT DISTINCT FROM


def _like(node: exp.Expression, here: Context) -> Expr:
    term, pattern = _texts(node, here)
    fold, negated = isinstance(node, exp.ILike), bool(node.args.get("negate"))
    shape, same = None, isinstance(pattern, Constant) and caseless(pattern.value)
    if isinstance(pattern, Param):
        shape, same = here.params.shape(pattern.index, fold)
    fold = fold and not same  # what has no case is found without folding
    if not isinstance(pattern, Param) or shape is None:
        return Like(term, pattern, fold=fold, negated=negated)
    return Like(term, replace(pattern, nullable=False), fold=fold, negated=negated, shape=shape)


def _escape(node: exp.Expression, here: Context) -> Expr:
    like = node.this
    escape = node.expression
    if not isinstance(like, (exp.Like, exp.ILike)) or not isinstance(escape, exp.Literal) or len(escape.this) > 1:
        raise here.unsupported(node, "ESCAPE takes one character, written as a literal, after LIKE or ILIKE")
    bound = bind_expr(like, here)
    assert isinstance(bound, Like)
    return replace(bound, escape=escape.this or None, shape=None)


def _regex(node: exp.Expression, here: Context) -> Expr:
    term, pattern = _texts(node, here)
    return Regex(term, pattern, fold=isinstance(node, exp.RegexpILike))


def _texts(node: exp.Expression, here: Context) -> tuple[Expr, Expr]:
    if isinstance(node.expression, (exp.Any, exp.All)):
        raise here.unsupported(node, "LIKE ANY and LIKE ALL are not supported")
    return _as_text(bind_expr(node.this, here)), _as_text(bind_expr(node.expression, here))


def _as_text(expr: Expr) -> Expr:
    return expr if type_of(expr).kind is Kind.TEXT else convert(expr, TEXT)


def _between(node: exp.Expression, here: Context) -> Expr:
    term, low, high = (bind_expr(node.args[name], here) for name in ("this", "low", "high"))
    between = _between_bounds(term, low, high, here)
    if node.args.get("symmetric"):
        return Or((between, _between_bounds(term, high, low, here)))
    return between


def _between_bounds(term: Expr, low: Expr, high: Expr, here: Context) -> Expr:
    return And((_compared(">=", term, low, here), _compared("<=", term, high, here)))


# --- membership ----------------------------------------------------------------------------------------------------


def _in(node: exp.Expression, here: Context) -> Expr:
    query = node.args.get("query")
    if query is not None:
        return _in_plan(node.this, query, here)
    items = node.expressions
    if not items:
        return Constant(False, BOOLEAN)
    if isinstance(items[0], exp.Values):
        return _in_plan(node.this, items[0], here)
    row = _row(node.this)
    if row is not None:
        return _rows_in(row, items, here)
    return _in_items(bind_expr(node.this, here), [bind_expr(item, here) for item in items], here)


def _in_items(term: Expr, items: Sequence[Expr], here: Context) -> Expr:
    exprs = [term, *items]
    if is_open(term) and all(map(is_open, items)):
        exprs = [settle(expr, here.params) for expr in exprs]
    term, *bound = same_kind(exprs, here.params, "IN")
    if any(isinstance(item, Param) and item.many for item in items) and not all(isinstance(i, Param) for i in bound):
        raise Misfit("values of a long list that have to be computed one by one")  # so they are given one by one
    return In(term, tuple(bound))


def _rows_in(row: list[exp.Expression], items: list[exp.Expression], here: Context) -> Expr:
    terms = [bind_expr(each, here) for each in row]
    rows: list[list[Expr]] = []
    for item in items:
        values = _row(item)
        if values is None or len(values) != len(terms):
            raise here.wrong(item, f"a row of {len(terms)} values is expected")
        rows.append([bind_expr(value, here) for value in values])
    if len(rows) > MOST_ROWS_AS_OR:
        return _in_rows(terms, rows, here)
    found = [_rows_compared("=", list(zip(terms, values, strict=True)), here) for values in rows]
    return found[0] if len(found) == 1 else Or(tuple(found))


def _in_rows(terms: list[Expr], rows: list[list[Expr]], here: Context) -> Expr:
    columns = []
    for at, term in enumerate(terms):
        terms[at], *values = same_kind([term, *(row[at] for row in rows)], here.params, "IN")
        columns.append((OutputColumn(f"column{at + 1}", type_of(terms[at])), values))
    cells = tuple(zip(*(values for _, values in columns), strict=True))
    plan = Values(here.alias("list"), tuple(column for column, _ in columns), cells)
    return InPlan(tuple(terms), plan)


def _in_plan(left: exp.Expression, query: exp.Expression, here: Context) -> Expr:
    terms = [bind_expr(each, here) for each in _row(left) or (left,)]
    plan, columns = _subquery(query, here)
    if len(columns) != len(terms):
        raise here.wrong(query, f"the subquery has {len(columns)} columns, not {len(terms)}")
    alias, outputs = here.alias("list"), []
    for at, (column, name) in enumerate(columns):
        try:
            terms[at], output = compare(terms[at], column, "=", here.params)
        except Misfit as problem:
            raise here.located(problem, left) from problem
        outputs.append(Output(name, output))
    if any(output.expr is not column for output, (column, _) in zip(outputs, columns, strict=True)):
        plan = Project(plan, alias, tuple(outputs))
    return InPlan(tuple(terms), plan)


def _quantifier(node: exp.Expression) -> tuple[bool, exp.Expression] | None:
    """Whether it is ANY (else ALL), and of what; None for neither. ``ALL(ARRAY[…])`` comes as a function."""
    if isinstance(node, exp.Any | exp.All):
        return isinstance(node, exp.Any), node.this
    if isinstance(node, exp.Anonymous) and node.name.upper() in ("ALL", "ANY", "SOME") and len(node.expressions) == 1:
        return node.name.upper() != "ALL", node.expressions[0]
    return None


def _quantified(node: exp.Expression, op: str, here: Context) -> Expr:
    """``= ANY`` is IN and ``<> ALL`` is NOT IN, of a subquery or an ARRAY; no other is spoken."""
    quantifier = _quantifier(node.expression)
    assert quantifier is not None
    any_, operand = quantifier
    here.consume(node.expression)
    while isinstance(operand, exp.Paren):
        operand = operand.this
    if (op, any_) not in (("=", True), ("<>", False)):
        raise here.unsupported(node, "of ANY and ALL only = ANY and <> ALL are supported")
    if isinstance(operand, exp.Array):
        here.consume(operand)
        items = [bind_expr(item, here) for item in operand.expressions]
        found = _in_items(bind_expr(node.this, here), items, here) if items else Constant(False, BOOLEAN)
    elif isinstance(operand, QUERIES):
        found = _in_plan(node.this, operand, here)
    else:
        raise here.unsupported(node, "ANY and ALL take a subquery or ARRAY[…]; write IN (%s, %s) for values")
    return found if any_ else negate(found)


def _exists(node: exp.Expression, here: Context) -> Expr:
    return Exists(_subquery(node.this, here)[0])


def _scalar_subquery(node: exp.Expression, here: Context) -> Expr:
    plan, columns = _subquery(node, here)
    if len(columns) != 1:
        raise here.wrong(node, f"a subquery as a value must have one column, not {len(columns)}")
    return Subquery(plan, type_of(columns[0][0]))


def _subquery(node: exp.Expression, here: Context) -> tuple[Node, list[tuple[Expr, str]]]:
    """The plan of a subquery and its columns as expressions over it, with their names."""
    from .bind_select import bind_query  # it binds expressions, which hold queries

    query = bind_query(node, here, "subquery")
    return query.plan, [(query.column(at), column.name) for at, column in enumerate(query.columns)]


# --- choice and conversion -----------------------------------------------------------------------------------------


def _case(node: exp.Expression, here: Context) -> Expr:
    tests, results = [], []
    subject = None if node.this is None else bind_expr(node.this, here)
    for branch in node.args["ifs"]:
        here.consume(branch)
        if subject is None:
            tests.append(bind_condition(branch.this, here, "WHEN"))
        else:
            with here.placed(branch.this):
                tests.append(_compared("=", subject, bind_expr(branch.this, here), here))
        results.append(bind_expr(branch.args["true"], here))
    default = node.args.get("default")
    if default is not None:
        results.append(bind_expr(default, here))
    return _case_of(tests, results, here)


def _if(node: exp.Expression, here: Context) -> Expr:
    results = [bind_expr(node.args[name], here) for name in ("true", "false") if node.args.get(name) is not None]
    return _case_of([bind_condition(node.this, here, "IF")], results, here)


def _case_of(tests: list[Expr], results: list[Expr], here: Context) -> Expr:
    bound, type_ = unify(results, here.params, "CASE")
    whens = tuple(zip(tests, bound, strict=False))
    if any(isinstance(value, Param) and value.many for value in bound) and not is_lookup(*whens[0]):
        raise Misfit("a long CASE whose keys have to be compared one by one")  # so they are
    return Case(whens, bound[-1] if len(bound) > len(tests) else None, type_)


def _concat(node: exp.Expression, here: Context) -> Expr:
    parts: list[exp.Expression] = []
    while isinstance(node, exp.DPipe):
        here.consume(node)
        parts.append(node.expression)
        node = node.this
    return concat([bind_expr(part, here) for part in (node, *reversed(parts))], here.params)


def _cast(node: exp.Expression, here: Context) -> Expr:
    here_is = f": {locate(here.statement.text, node)}"
    return cast(bind_expr(node.this, here), bind_type(node.args["to"], here_is))


EXPRESSIONS: dict[type[exp.Expression], Callable[[exp.Expression, Context], Expr]] = {
    exp.Column: _column,
    exp.Placeholder: _placeholder,
    exp.Literal: _literal,
    exp.ByteString: _escaped_text,
    exp.RawString: _escaped_text,
    exp.HexString: _bytes,
    exp.Boolean: _boolean,
    exp.Null: _null,
    exp.Interval: _interval,
    exp.Collate: _collate,
    exp.And: _and,
    exp.Or: _or,
    exp.Not: _not,
    **dict.fromkeys(_OPERATORS, _comparison),
    exp.NullSafeEQ: _distinct_from,
    exp.NullSafeNEQ: _distinct_from,
    exp.Is: _is,
    exp.Like: _like,
    exp.ILike: _like,
    exp.Escape: _escape,
    exp.RegexpLike: _regex,
    exp.RegexpILike: _regex,
    exp.Between: _between,
    exp.In: _in,
    exp.Exists: _exists,
    exp.Subquery: _scalar_subquery,
    exp.Select: _scalar_subquery,
    exp.Case: _case,
    exp.If: _if,
    exp.Cast: _cast,
    exp.Neg: lambda node, here: negative(bind_value(node.this, here), "-"),
    exp.BitwiseNot: lambda node, here: negative(bind_value(node.this, here), "~"),
    exp.DPipe: _concat,
    **dict.fromkeys(OPERATORS, _arithmetic),
    exp.Window: lambda node, here: bind_window(node, here, bind_expr),
    **dict.fromkeys(WINDOW_CALLS, needs_over),
    **{class_: lambda node, here: FUNCTION_BINDERS[type(node)](node, here, bind_expr) for class_ in FUNCTION_BINDERS},
}
"""Class of node → how it is bound. What is neither here nor in ``bind_functions.CALLS`` is refused by name."""
