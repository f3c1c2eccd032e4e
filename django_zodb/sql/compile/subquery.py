"""Subqueries: local functions of the statement's function, called with the outer rows that they use.

One that uses no outer row is computed at most once per execution, and only if it is asked for. One that uses a few
columns of such is called with these, and keeps what it gave for the values that came last.
"""

from __future__ import annotations

from ...values import Kind, SqlType
from .. import expr as x
from .. import plan as p
from ..emit import Subplan
from ..functions import FUNCTIONS
from ..plan import Node
from .frame import Binding, Frame, Needed, needed_by, needed_inside, tuple_of
from .pipeline import For, If, indented
from .unit import all_expressions, all_nodes

_MOST_KEPT_BY = 3
_MOST_MEMBERS = 20
_LONG = frozenset((Kind.TEXT, Kind.BYTES, Kind.JSON))


def call_subquery(frame: Frame, subquery: Subplan) -> str:
    """See ``emit.Context.subquery``."""
    kept = _outer_columns(frame, subquery.plan) if _can_be_kept(frame, subquery) else None
    match subquery:
        case x.Subquery(plan=plan):
            inner = LocalFunction(frame, plan, "scalar", kept=kept)
            _scalar(inner.frame, plan)
        case x.Exists(plan=plan, keys=keys):
            inner = LocalFunction(frame, plan, "exists", kept=kept)
            _exists(inner.frame, plan)
            if isinstance(keys, x.InPlan):
                return _call_until_many(frame, inner, keys, subquery.most)
        case x.InPlan(plan=plan, terms=terms):
            inner = LocalFunction(frame, plan, "members", kept=kept)
            _members(inner.frame, plan, len(terms))
    return inner.call()


def _call_until_many(frame: Frame, asked: LocalFunction, keys: x.InPlan, most: int) -> str:
    from .order import same_text

    asked.call()
    members = LocalFunction(frame, keys.plan, "members")
    _members(members.frame, keys.plan, len(keys.terms))
    members.call()
    name = frame.source.name("found")
    frame.unit.definitions.append(f"{name} = until_many({asked.name}, {members.name}, {most})")
    key = tuple_of([same_text(x.type_of(term), frame.value(term)) for term in keys.terms])
    return f"{name}({', '.join((key, *asked.args.values()))})"


def _can_be_kept(frame: Frame, subquery: Subplan) -> bool:
    """Whether the same values always give the same, and what they give is small."""
    nodes = list(all_nodes(subquery.plan))
    if not frame.unit.only_reads or any(isinstance(node, p.WorkTable) for node in nodes):
        return False
    tables = [node for node in nodes if isinstance(node, p.BaseAccess)]
    if len(tables) == 1 and _finds_one(tables[0]):
        return False  # which takes no longer
    match subquery:
        case x.Subquery(type=type_):
            if type_.kind in _LONG and type_.size is None:
                return False
        case x.InPlan(plan=p.Project(source=plan) | plan):
            if not isinstance(plan, p.Limit | p.TopN) or not _is_small(plan.limit):
                return False
    calls = (part.function for part in all_expressions(subquery.plan) if isinstance(part, x.Call))
    return all(FUNCTIONS[name].stable for name in calls)


def _is_small(limit: x.Expr | None) -> bool:
    return isinstance(limit, x.Constant) and isinstance(limit.value, int) and limit.value <= _MOST_MEMBERS


def _finds_one(node: p.BaseAccess) -> bool:
    return isinstance(node, p.KeyLookup) or (isinstance(node, p.IndexLookup) and node.unique)


def _outer_columns(frame: Frame, plan: Node) -> list[x.Column] | None:
    """The columns of outer rows that the plan uses, if they are few, and other rows may well have the same values."""
    parts = list(all_expressions(plan))
    used = [part for part in parts if isinstance(part, x.Column) and part.alias in frame.scope]
    found = list({(column.alias, column.name): column for column in used}.values())
    if not 0 < len(found) <= _MOST_KEPT_BY or any(column.name == x.ROWID_COLUMN for column in found):
        return None
    loose = [column for column in used if _has_equal_values(x.type_of(column))]
    compared = [each for part in parts if isinstance(part, x.Compare) for each in (part.left, part.right)]
    if loose and len(loose) > len([each for each in compared if each in loose]):
        return None
    for alias in {column.alias for column in found}:
        table = frame.scope[alias].table
        if table is not None and table.is_key([column.name for column in found if column.alias == alias]):
            return None
    return found


def call_rows(frame: Frame, node: Node, needed: Needed) -> tuple[list[str], str]:
    """The rows of a plan that uses outer rows, as a list made by a local function.

    Binds the plan's aliases in ``frame``; returns the variables that a row consists of, and the call.
    """
    inner = LocalFunction(frame, node, "rows")
    inner.frame.open(node, needed)
    aliases = inner.frame.bound(node)
    names = inner.frame.carried(aliases, needed)
    inner.frame.write(f"return {inner.frame.collect(tuple_of(names), 'found')}")
    frame.scope.update((alias, inner.frame.scope[alias]) for alias in aliases)
    frame.forget(aliases)
    return names, inner.call()


def is_made_once(frame: Frame, node: Node) -> bool:
    """Whether ``frame`` is called again and again, and the rows of ``node`` are the same each time."""
    if not frame.repeated or any(isinstance(part, p.WorkTable) for part in all_nodes(node)):
        return False
    return not any(alias in frame.scope for alias, _ in needed_inside(node))


def _has_equal_values(type_: SqlType) -> bool:
    """Whether values may be equal that are not the same: 0.0 and -0.0, 1.0 and 1.00."""
    return type_.kind is Kind.DOUBLE or (type_.kind is Kind.DECIMAL and type_.scale is None)


class LocalFunction:
    """A local function while it is written: its frame knows the outer rows by the names they have outside.

    ``kept``: all columns of outer rows that it uses, if what it gives for their values is to be kept.
    """

    def __init__(
        self, outer: Frame, plan: Node, wanted: str, repeated: bool = False, kept: list[x.Column] | None = None
    ) -> None:
        self._unit = outer.unit
        self.name = outer.source.name(wanted)
        self.args: dict[str, str] = {}
        self._kept = kept is not None
        self.frame = Frame(outer.unit, repeated)
        if kept is not None:
            self._pass_values(outer, kept)
            return
        used = needed_inside(plan)
        for alias, binding in list(outer.scope.items()):
            columns = sorted(name for other, name in used if other == alias)
            if columns:
                self._pass(outer, binding, columns)
        self.frame.repeated |= bool(self.args)

    def _pass_values(self, outer: Frame, columns: list[x.Column]) -> None:
        for column in columns:
            binding = outer.scope[column.alias]
            passed = self.frame.scope.setdefault(column.alias, Binding(column.alias, binding.positions))
            name = outer.source.name(f"{outer.unit.row_name(column.alias)}_{column.name}")
            passed.columns[column.name] = name
            self.args[name] = outer.column(column)
        self.frame.repeated = True

    def _pass(self, outer: Frame, binding: Binding, columns: list[str]) -> None:
        passed = Binding(binding.alias, binding.positions, binding.row, {}, binding.rowid, binding.table)
        if binding.row is not None:
            self.args[binding.row] = binding.row
            if x.ROWID_COLUMN in columns and binding.rowid is not None:
                self.args[binding.rowid] = binding.rowid
        else:
            passed.columns = {name: binding.columns[name] for name in columns}
            self.args.update({name: name for name in passed.columns.values()})
        self.frame.scope[binding.alias] = passed

    def call(self, once: bool = True) -> str:
        """Add the finished function to the statement's; returns a call, without arguments computed but ``once``."""
        decorators = ["@kept"] if self._kept else ["@once"] if once and not self.args else []
        head = f"def {self.name}({', '.join(self.args)}):"
        self._unit.definitions += [*decorators, head, *indented(self.frame.lines)]
        return f"{self.name}({', '.join(self.args.values())})"

    def call_rows(self, node: Node, once: bool = True) -> str:
        """Write the function as one that returns the rows of a query in a list; returns a call as ``call`` does."""
        from .nodes import open_row

        rows = self.frame.collect(open_row(self.frame, node), "found")
        self.frame.write(f"return {rows}")
        return self.call(once)


def _open_columns(frame: Frame, plan: Node) -> list[str]:
    """Open a query; the texts of its columns."""
    if isinstance(plan, p.Project):
        expressions = [output.expr for output in plan.outputs]
        frame.open(plan.source, needed_by(expressions))
        frame.note(plan)
        return [frame.value(expression) for expression in expressions]
    columns = p.output_columns(plan)
    (alias,) = p.bound_aliases(plan)
    frame.open(plan, frozenset((alias, column.name) for column in columns))
    return [frame.column(x.Column(alias, column.name, column.type)) for column in columns]


def _scalar(frame: Frame, plan: Node) -> None:
    (value,) = _open_columns(frame, plan)
    if not p.gives_one(plan):
        frame.write(f"return single({frame.collect(value, 'found')})")
        return
    blocks = any(isinstance(step, For | If) for step in frame.steps)
    frame.finish(f"return {value}")
    if blocks:
        frame.write("return None")


def _exists(frame: Frame, plan: Node) -> None:
    while isinstance(plan, p.Project | p.Sort | p.Distinct):
        plan = plan.source
    frame.early = True
    frame.open(plan, frozenset())
    blocks = any(isinstance(step, For | If) for step in frame.steps)
    frame.finish("return True")
    if blocks:
        frame.write("return False")


def _members(frame: Frame, plan: Node, width: int) -> None:
    from .order import same_text

    columns = p.output_columns(plan)
    texts = [same_text(column.type, text) for column, text in zip(columns, _open_columns(frame, plan), strict=True)]
    assert len(texts) == width
    value = tuple_of(texts)
    name = frame.source.name("found")
    if not frame.collect_braced(name, value, None):
        frame.lines.append(f"{name} = set()")
        frame.finish(f"{name}.add({value})")
    frame.write(f"return {name}")
