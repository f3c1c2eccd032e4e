"""Bound expressions → Python text: ``value``, ``is_true`` and ``is_false``, three mutually recursive emitters.

``b.year > p0 AND NOT b.title = p1``, where the title may be NULL, becomes, as a condition,
``b_year > p0 and b_title is not None and b_title != p1``. NULL is None. A condition asks only whether something is
true (or false), so three-valued logic dissolves into ``and``, ``or`` and a few ``is not None``, where a NULL is
possible; ``value`` makes None of the unknown, and is met in SELECT lists only. NOT exchanges the two others.

Fragments come fully parenthesised; ``pipeline`` removes what is redundant. The results of ``is_true`` and ``is_false``
are bools, whatever the operands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from ..errors import DataError, InternalError
from ..values import BOOLEAN, DECIMAL, TEXT, Kind, SqlType, converter
from . import expr as x
from . import runtime
from .emit_arithmetic import arithmetic
from .emit_calls import has_template, other_arguments, simple_call
from .emit_logic import all_of, any_of
from .emit_patterns import match_of_constant, match_of_prefix, match_of_shape, match_options
from .expr import Expr, is_nullable
from .functions import FUNCTIONS
from .program import Source

NEGATED = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_PYTHON = {"=": "==", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_FLIPPED = {"=": "=", "<>": "<>", "<": ">", ">=": "<=", ">": "<", "<=": ">="}
_BOUNDED = {
    "=": "({} == {})",
    "<>": "({} != {})",
    "<": "({} < {})",
    "<=": "({} <= {})",
    ">": "(not {} <= {})",
    ">=": "(not {} < {})",
}
"""A float compared with a ``runtime.float_bound``, also where it is NaN."""
_DEEPEST = 30
_LONGEST_CASE = 30
Subplan = x.Subquery | x.Exists | x.InPlan


class Context(Protocol):
    """Where the emitted text will stand: what its names are, and what has to be written before it."""

    source: Source

    def column(self, column: x.Column) -> str:
        """The variable that holds the column."""
        ...

    def param(self, param: x.Param) -> str:
        """The variable that holds the converted parameter."""
        ...

    def param_run(self, params: Sequence[x.Param], nullable: bool = False) -> str | None:
        """Text of an iterable of the converted parameters, where they are many that follow one another."""
        ...

    def once(self, wanted: str, text: str) -> str:
        """A variable for ``text``, which uses constants and parameters only: evaluated once per execution."""
        ...

    def subquery(self, subquery: Subplan) -> str:
        """A call that gives the value of a Subquery, the bool of EXISTS, or the set of rows of an IN."""
        ...

    def part(self, text: str) -> str:
        """A call of a local function that returns ``text``, for what nests too deeply."""
        ...


class Emitter:
    """Emits expressions into one context. Names of rows, columns and parameters are the context's business."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._source = context.source
        self._parts: dict[tuple[int, str], str] = {}
        self._busy = False
        self._lazy = 0

    # --- the three -------------------------------------------------------------------------------------------------

    def value(self, expr: Expr) -> str:
        """Text whose value is the expression's, None for NULL."""
        return self._parts.get((id(expr), "value")) or self._emit(self._value, expr)

    def is_true(self, expr: Expr) -> str:
        """Text that is True where the boolean expression is true, and False where it is false or unknown."""
        return self._parts.get((id(expr), "true")) or self._emit(self._is_true, expr)

    def is_false(self, expr: Expr) -> str:
        """Text that is True where the boolean expression is false, and False where it is true or unknown."""
        return self._parts.get((id(expr), "false")) or self._emit(self._is_false, expr)

    def _emit(self, emit: Callable[[Expr], str], expr: Expr) -> str:
        if self._busy:
            return emit(expr)
        self._busy = True
        try:
            self._split(expr)
            return emit(expr)
        finally:
            self._busy = False
            self._parts = {}

    def _split(self, expr: Expr) -> None:
        """Emit what lies deep inside ``expr`` as local functions: neither Python nor this emitter nests without end."""
        for deep in _deep_inside(expr):
            if x.type_of(deep) == BOOLEAN:
                true, false = self._context.part(self._is_true(deep)), self._context.part(self._is_false(deep))
                self._parts |= {(id(deep), "true"): true, (id(deep), "false"): false}
            else:
                self._parts[id(deep), "value"] = self._context.part(self._value(deep))

    def _is_true(self, expr: Expr) -> str:
        match expr:
            case x.Constant(value=value):
                return str(value is True)
            case x.And(terms=terms):
                return all_of([self.is_true(term) for term in terms])
            case x.Or(terms=terms):
                return any_of([self.is_true(term) for term in terms])
            case x.Not(term=term):
                return self.is_false(term)
            case x.Case():
                return self._case(expr, self.is_true, "False")
            case x.Cast(term=term, type=type_) if type_.kind is x.type_of(term).kind is Kind.BOOLEAN:
                return self.is_true(term)
            case _:
                text = self._test(expr, True)
                if text is not None:
                    return text
                text = self.value(expr)
                return f"({text} is True)" if is_nullable(expr) else text

    def _is_false(self, expr: Expr) -> str:
        match expr:
            case x.Constant(value=value):
                return str(value is False)
            case x.And(terms=terms):
                return any_of([self.is_false(term) for term in terms])
            case x.Or(terms=terms):
                return all_of([self.is_false(term) for term in terms])
            case x.Not(term=term):
                return self.is_true(term)
            case x.Case():
                return self._case(expr, self.is_false, "False")
            case _:
                text = self._test(expr, False)
                if text is not None:
                    return text
                text = self.value(expr)
                return f"({text} is False)" if is_nullable(expr) else f"(not {text})"

    def _test(self, expr: Expr, truth: bool) -> str | None:
        """The predicates: whether ``expr`` is ``truth``; None if it is no predicate."""
        match expr:
            case x.Compare():
                return self._compare(expr, expr.op if truth else NEGATED[expr.op])
            case x.IsNull(term=term, negated=negated):
                return self._null_test(term, negated is not truth)
            case x.IsDistinct(left=left, right=right, negated=negated):
                operator = "==" if negated is truth else "!="
                kind = x.type_of(left).kind
                texts = [
                    f"float_key({text})" if kind is Kind.DOUBLE else text for text in map(self.value, (left, right))
                ]
                return f"({texts[0]} {operator} {texts[1]})"
            case x.IsTruth(negated=negated):
                text = self._truth_test(expr)
                return text if negated is not truth else f"(not {text})"
            case x.In(negated=negated):
                return self._in(expr, negated is truth)
            case x.Like() | x.Regex():
                return self._matches(expr, expr.negated is truth)
            case x.Exists(negated=negated):
                text = self._context.subquery(expr)
                return text if negated is not truth else f"(not {text})"
            case x.InPlan(negated=negated):
                return self._in_plan(expr, negated is truth)
            case _:
                return None

    def _value(self, expr: Expr) -> str:
        match expr:
            case x.Column():
                return self._context.column(expr)
            case x.Param():
                return self._context.param(expr)
            case x.Constant(value=value):
                return self._source.constant(value)
            case x.Arithmetic(left=left, right=right):
                return self._fixed(expr, lambda: self.strict((left, right), lambda a, b: arithmetic(expr, a, b)))
            case x.Negate(term=term, op=op):
                form = "minus({0})" if x.type_of(term).kind is Kind.DECIMAL else f"({op}{{0}})"
                return self.strict((term,), form.format)
            case x.Concat(parts=parts):
                return self._fixed(expr, lambda: self.strict(parts, lambda *texts: f"({' + '.join(texts)})"))
            case x.Case():
                return self._case(expr, self.value, "None")
            case x.Cast():
                return self._fixed(expr, lambda: self._cast(expr))
            case x.Call():
                return self._fixed(expr, lambda: self._call(expr))
            case x.Subquery():
                return self._context.subquery(expr)
            case _ if x.type_of(expr) == BOOLEAN:
                return self._boolean(expr)
        raise InternalError(f"no text for an expression of class {type(expr).__name__}")

    def _boolean(self, expr: Expr) -> str:
        if not is_nullable(expr):
            return self.is_true(expr)
        match expr:
            case x.Compare(left=left, right=right, op=op):
                return self.strict((left, right), lambda a, b: self._compared(expr, op, a, b))
            case x.Not(term=x.Column() | x.Param() as term):
                return self.strict((term,), lambda a: f"(not {a})")
            case x.Like() | x.Regex():
                return self.strict(_matched(expr), lambda *texts: self._match_call(expr, expr.negated, *texts))
            case _:
                return f"(True if {self.is_true(expr)} else False if {self.is_false(expr)} else None)"

    # --- NULL ------------------------------------------------------------------------------------------------------

    def strict(self, operands: Sequence[Expr], build: Callable[..., str]) -> str:
        """``build`` of the operands' texts; NULL where one of them is."""
        texts, tests = self._operands(operands, "is")
        if "None" in texts:
            return "None"
        return f"(None if {' or '.join(tests)} else {build(*texts)})" if tests else build(*texts)

    def _operands(self, operands: Sequence[Expr], operator: str) -> tuple[list[str], list[str]]:
        """The texts of the operands, and the tests that those which may be NULL are (``is``) or are not."""
        texts, tests = [], []
        for operand in operands:
            text = self.value(operand)
            if is_nullable(operand):
                first, text = self._named(text)
                tests.append(f"({first} {operator} None)")
            texts.append(text)
        return texts, list(dict.fromkeys(tests))

    def _named(self, text: str) -> tuple[str, str]:
        """The text for its first mention, and for all later ones."""
        if text.isidentifier():
            return text, text
        name = self._source.name("it")
        return f"({name} := {text})", name

    def _null_test(self, term: Expr, is_null: bool) -> str:
        if not is_nullable(term):
            return str(not is_null)
        return f"({self.value(term)} {'is' if is_null else 'is not'} None)"

    def _truth_test(self, expr: x.IsTruth) -> str:
        match expr.truth:
            case True:
                return self.is_true(expr.term)
            case False:
                return self.is_false(expr.term)
            case None:
                return self._null_test(expr.term, True)

    # --- comparison ------------------------------------------------------------------------------------------------

    def _compare(self, expr: x.Compare, op: str) -> str:
        left, right = _as_compared(expr.left), _as_compared(expr.right)
        if op == "=" and not (is_nullable(left) and is_nullable(right)) and x.type_of(left).kind is not Kind.DOUBLE:
            # None equals no value.
            return f"({self.value(left)} == {self.value(right)})"
        texts, tests = self._operands((left, right), "is not")
        if "None" in texts:
            return "False"
        if op == "=" and len(tests) == 2 and x.type_of(left).kind is not Kind.DOUBLE and ":=" not in tests[1]:
            tests.pop()
        return all_of([*tests, self._compared(expr, op, *texts)])

    def _compared(self, expr: x.Compare, op: str, left: str, right: str) -> str:
        if x.type_of(expr.left).kind is not Kind.DOUBLE:
            return f"({left} {_PYTHON[op]} {right})"
        bounded = self._compared_with_bound(expr, op, left, right)
        if bounded is not None:
            return bounded
        exact = _never_nan(expr.left), _never_nan(expr.right)
        if op in (">", ">="):
            left, right, exact = right, left, (exact[1], exact[0])
            op = "<" if op == ">" else "<="
        return self._compared_floats(op, left, right, *exact)

    def _compared_with_bound(self, expr: x.Compare, op: str, left: str, right: str) -> str | None:
        """A float compared with one that is the same for every row: what stands for its NaN compares as it should."""
        for term, text, other, operator in ((expr.right, right, left, op), (expr.left, left, right, _FLIPPED[op])):
            if isinstance(term, x.Param) and text.isidentifier():
                return _BOUNDED[operator].format(other, self._context.once("bound", f"float_bound({text})"))
        return None

    def _compared_floats(self, op: str, left: str, right: str, exact_left: bool, exact_right: bool) -> str:
        """NaN equals itself and comes after every number; Python says False to all of that."""
        if exact_right or (exact_left and op in ("=", "<>")):
            return f"({left} {_PYTHON[op]} {right})"
        if exact_left:
            return f"(not {right} {'<=' if op == '<' else '<'} {left})"
        (a, left), (b, right) = self._named(left), self._named(right)
        match op:
            case "=":
                return f"({a} == {b} or ({left} != {left} and {right} != {right}))"
            case "<>":
                return f"({a} != {b} and ({left} == {left} or {right} == {right}))"
            case "<":
                return f"({a} < {b} or ({right} != {right} and {left} == {left}))"
            case _:
                return f"({a} <= {b} or {right} != {right})"

    def _key(self, expr: Expr) -> str:
        """The value, or those of a long list, as it may be looked up in a set."""
        if isinstance(expr, x.Param) and expr.many:
            run = self._context.param_run([expr])
            return f"*map(same, {run})" if expr.type.kind is Kind.DOUBLE else f"*{run}"
        text = self.value(expr)
        return f"same({text})" if x.type_of(expr).kind is Kind.DOUBLE and not _never_nan(expr) else text

    # --- IN --------------------------------------------------------------------------------------------------------

    def _in(self, expr: x.In, negated: bool) -> str:
        term, guards = self._guarded_key(expr.term)
        items = self._items(expr)
        if not negated:
            may_be_null = any(is_nullable(item) for item in expr.items)
            return all_of([*(guards if may_be_null or ":=" in "".join(guards) else ()), f"({term} in {items})"])
        tests = [*guards, f"({term} not in {items})"]
        if any(is_nullable(item) for item in expr.items):
            tests.append(f"(None not in {items})")
        return all_of(tests)

    def _guarded_key(self, term: Expr) -> tuple[str, list[str]]:
        text = self.value(term)
        guards = []
        if is_nullable(term):
            first, text = self._named(text)
            guards.append(f"({first} is not None)")
        return (f"same({text})" if x.type_of(term).kind is Kind.DOUBLE else text), guards

    def _items(self, expr: x.In) -> str:
        if all(isinstance(item, x.Constant) for item in expr.items):
            values = [item.value for item in expr.items if isinstance(item, x.Constant)]
            if all(type(value) in (int, str, bool) for value in values) and len(values) <= 20:
                return f"{{{', '.join(dict.fromkeys(self._source.constant(value) for value in values))}}}"
            return self._source.share("values", frozenset(map(runtime.same, values)))
        params = [item for item in expr.items if isinstance(item, x.Param)]
        if len(params) == len(expr.items) and (run := self._context.param_run(params)) is not None:
            exact = x.type_of(expr.term).kind is not Kind.DOUBLE
            return self._context.once("values", f"set({run if exact else f'map(same, {run})'})")
        texts = ", ".join(self._key(item) for item in expr.items)
        if all(self._is_fixed(item) for item in expr.items):
            return self._context.once("values", f"{{{texts}}}")
        return f"({texts},)"

    def _in_plan(self, expr: x.InPlan, negated: bool) -> str:
        rows = self._context.subquery(expr)
        if len(expr.terms) > 1:
            texts = f"({', '.join(self._key(term) for term in expr.terms)})"
            if not expr.nullable:
                return f"({texts} {'not in' if negated else 'in'} {rows})"
            return f"(row_in({texts}, {rows}) is {not negated})"
        term, guards = self._guarded_key(expr.terms[0])
        if not negated:
            return all_of([*guards, f"({term} in {rows})"])
        first, rows = self._named(rows)
        found = all_of([*guards, f"({term} not in {rows})", *([f"(None not in {rows})"] if expr.nullable else [])])
        # NULL NOT IN an empty set is true.
        return any_of([f"(not {first})", found])

    # --- patterns --------------------------------------------------------------------------------------------------

    def _matches(self, expr: x.Like | x.Regex, negated: bool) -> str:
        texts, tests = self._operands(_matched(expr), "is not")
        if "None" in texts:
            return "False"
        return all_of([*tests, self._match_call(expr, negated, *texts)])

    def _match_call(self, expr: x.Like | x.Regex, negated: bool, term: str, pattern: str = "") -> str:
        if isinstance(expr.pattern, x.Constant):
            text = match_of_constant(expr, str(expr.pattern.value), term, self._source)
        elif isinstance(expr, x.Like) and expr.shape is not None:
            needle = self._context.once("needle", f"like_text({pattern}{', True' if expr.fold else ''})")
            if expr.shape == "start" and not expr.fold and term.isidentifier():
                text = match_of_prefix(term, needle, self._context.once("needle_end", f"end_of({needle})"))
            else:
                text = match_of_shape(expr.shape, f"{term}.casefold()" if expr.fold else term, needle)
        else:
            kind = "like" if isinstance(expr, x.Like) else "regex"
            predicate = f"{kind}({', '.join((pattern, *match_options(expr, self._source)))})"
            if self._is_fixed(expr.pattern) and (not self._lazy or isinstance(expr.pattern, x.Param)):
                if is_nullable(expr.pattern):
                    predicate = f"(None if {pattern} is None else {predicate})"
                predicate = self._context.once(f"is_{kind}", predicate)
            text = f"{predicate}({term})"
        return f"(not {text})" if negated else text

    # --- values ----------------------------------------------------------------------------------------------------

    def _case(self, expr: x.Case, emit: Callable[[Expr], str], missing: str) -> str:
        if emit == self.value and (looked_up := self._case_of_keys(expr)) is not None:
            return looked_up
        parts = []
        rest = x.Case(expr.whens[_LONGEST_CASE:], expr.otherwise, expr.type)
        first = self.is_true(expr.whens[0][0])
        self._lazy += 1
        for at, (condition, value) in enumerate(expr.whens[:_LONGEST_CASE]):
            parts.append(f"{emit(value)} if {first if at == 0 else self.is_true(condition)}")
        if rest.whens:
            parts.append(self._context.part(self._case(rest, emit, missing)))
        else:
            parts.append(missing if expr.otherwise is None else emit(expr.otherwise))
        self._lazy -= 1
        return f"({' else '.join(parts)})"

    def _case_of_keys(self, expr: x.Case) -> str | None:
        """The text of a long ``CASE WHEN column = key THEN value …`` as a lookup in a dict."""
        lists = x.is_lookup(*expr.whens[0])
        if len(expr.whens) <= _LONGEST_CASE and not lists:
            return None
        keys, values = [], []
        terms = set()
        for condition, value in expr.whens:
            if not isinstance(condition, x.Compare) or condition.op != "=" or not self._is_fixed(value):
                return None
            terms.add(condition.left)
            keys.append(condition.right)
            values.append(value)
        term = terms.pop()
        exact = x.type_of(term).kind is not Kind.DOUBLE
        if terms or not exact or not isinstance(term, x.Column) or not all(map(self._is_fixed, keys)):
            return None
        cases = self._context.once("results", f"cases({self._listed(keys)}, {self._listed(values, lists)})")
        name = self.value(term)
        otherwise = "None" if expr.otherwise is None else self.value(expr.otherwise)
        return f"({cases}[{name}] if {name} in {cases} else {otherwise})"

    def _is_fixed(self, expr: Expr) -> bool:
        """Whether it may be computed once per execution, before the local functions of what nests deeply exist."""
        return not self._parts and _never_changes(expr)

    def _listed(self, items: Sequence[Expr], nullable: bool = False) -> str:
        params = [item for item in items if isinstance(item, x.Param)]
        if len(params) == len(items) and (run := self._context.param_run(params, nullable)) is not None:
            return run
        return f"({', '.join(map(self.value, items))},)"

    def _cast(self, expr: x.Cast) -> str:
        if x.type_of(expr.term) == expr.type:
            return self.value(expr.term)
        if isinstance(expr.term, x.Constant) and expr.type.kind is not Kind.TEXT:
            convert = converter(expr.type)
            try:
                return self._source.constant(None if expr.term.value is None else convert(expr.term.value))
            except DataError:
                pass  # to be raised when it is met: it may stand in a branch never taken
        if expr.type.kind is Kind.TEXT and expr.type.size is not None:
            # As in PostgreSQL, an explicit cast cuts what is too long.
            name, cut = self.converter(TEXT), f"[:{expr.type.size}]"
        else:
            name, cut = self.converter(expr.type), ""
        return self.strict((expr.term,), lambda text: f"{name}({text}){cut}")

    def converter(self, type_: SqlType) -> str:
        """The name of the function that converts a value, never NULL, to the type."""
        sizes = "".join(f"_{part}" for part in (type_.size, type_.scale) if part is not None)
        wanted = f"to_{type_.kind.name.lower()}{sizes}"
        known = self._source.namespace.get(wanted)
        return wanted if known is not None else self._source.share(wanted, converter(type_))

    def _call(self, expr: x.Call) -> str:
        function = FUNCTIONS.get(expr.function)
        if function is None:
            raise InternalError(f"function {expr.function} is bound but not registered")
        if expr.function in ("COALESCE", "IFNULL"):
            return self._coalesce(expr.args)
        if (simple := simple_call(expr, self.value)) is not None:
            return simple
        if function.made is not None and (others := other_arguments(expr, function.made[0])) is not None:
            at, make = function.made
            name = self._source.share_made(expr.function.lower(), (make, at, *others), partial(make, *others))
            only = expr.args[at]
            return self.strict((only,), f"{name}({{0}})".format) if function.strict else f"{name}({self.value(only)})"
        name = "" if has_template(function) else self._source.share(expr.function.lower(), function.call)

        def call(*texts: str) -> str:
            if function.template is not None and not name:
                return f"({function.template.format(*(_closed(text) for text in texts))})"
            return f"{name}({', '.join(texts)})"

        if function.strict:
            return self.strict(expr.args, call)
        return call(*(self.value(arg) for arg in expr.args))

    def _coalesce(self, args: Sequence[Expr]) -> str:
        if len(args) == 1 or not is_nullable(args[0]):
            return self.value(args[0])
        first, name = self._named(self.value(args[0]))
        self._lazy += 1
        rest = self._coalesce(args[1:])
        self._lazy -= 1
        return f"({name} if {first} is not None else {rest})"

    def _fixed(self, expr: Expr, emit: Callable[[], str]) -> str:
        """The text, or, where it depends on no row, the name of its value, evaluated once per execution."""
        text = emit()
        lazy = self._lazy and not (isinstance(expr, x.Call) and not expr.args)  # NOW() is the same everywhere
        if lazy or text.isidentifier() or isinstance(_literal(expr), x.Constant) or not self._is_fixed(expr):
            return text
        wanted = {x.Call: "value", x.Cast: "cast"}.get(type(expr), "value")
        if isinstance(expr, x.Call):
            wanted = f"{expr.function.lower()}_value"
        return self._context.once(wanted, text)


def _deep_inside(expr: Expr) -> list[Expr]:
    """The operands at every so many levels above the leaves, the innermost first."""
    heights: dict[int, int] = {}
    found = []
    for part in reversed(list(x.walk(expr))):
        height = heights[id(part)] = 1 + max((heights[id(child)] for child in x.children(part)), default=0)
        if height % _DEEPEST == 0 and part is not expr:
            found.append(part)
    return found


def _literal(expr: Expr) -> Expr:
    while isinstance(expr, x.Cast):
        expr = expr.term
    return expr


def _never_changes(expr: Expr) -> bool:
    """Whether the value is the same for every row of one execution."""
    return all(map(_keeps_fixed, x.walk(expr)))


def _keeps_fixed(part: Expr) -> bool:
    """Whether the part's value changes only if its operands' do."""
    match part:
        case x.Constant() | x.Param() | x.Cast() | x.Arithmetic() | x.Concat() | x.Negate():
            return True
        case x.Call(function=function):
            return FUNCTIONS[function].stable
        case _:
            return False


def _as_compared(expr: Expr) -> Expr:
    """An operand of a comparison: an integer need not become a decimal, since Python compares the two exactly."""
    if isinstance(expr, x.Cast) and expr.type == DECIMAL and x.type_of(expr.term).is_integer:
        return expr.term
    return expr


def _never_nan(expr: Expr) -> bool:
    match expr:
        case x.Constant(value=value):
            return value == value
        case x.Cast(term=term):
            return x.type_of(term).kind in (Kind.INTEGER, Kind.DECIMAL)
        case _:
            return False


def _matched(expr: x.Like | x.Regex) -> tuple[Expr, ...]:
    """The operands of which a NULL matters."""
    if isinstance(expr.pattern, x.Constant) and expr.pattern.value is not None:
        return (expr.term,)
    return (expr.term, expr.pattern)


def _closed(text: str) -> str:
    return text if text.isidentifier() or text.startswith("(") else f"({text})"
