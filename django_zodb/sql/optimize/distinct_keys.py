"""DISTINCT where keys tell rows apart: nothing to do if each is there once, else the keys are compared, not the rows.

``Distinct (Project b.id, b.title (Scan b))`` → ``Project b.id, b.title (Scan b)``. Where a join repeats rows,
``Distinct (Project b.id, b.title (Join inner b bt on bt.book_id = b.id))`` → ``Project b.id, b.title (DistinctOn b.id
(Join inner b bt …))``.
"""

from __future__ import annotations

from ..expr import Column, Compare, Expr, is_nullable
from ..plan import (
    Distinct,
    DistinctOn,
    Filter,
    HashJoin,
    Join,
    NestedLoop,
    Node,
    Output,
    Project,
    Scan,
    gives_one,
    has_key,
)
from ..rewrite import changed, map_sources
from .statistics import Statistics
from .terms import conjuncts, holds_subquery, is_stable, unfiltered, used_aliases

Names = frozenset[tuple[str, str]]
"""Columns, by alias and name."""


def distinct_keys(node: Node, statistics: Statistics) -> Node:
    """The same rows with as little comparing as the keys of tables allow."""
    node = map_sources(node, lambda source: distinct_keys(source, statistics))
    match node:
        case Distinct(source=Project(source=source, outputs=outputs) as project):
            if tells_apart(source, [output.expr for output in outputs]):
                return project
            keys = _determining(source, outputs)
            if keys is not None and len(keys) < len(outputs):
                return changed(project, source=DistinctOn(source, keys))
    return node


def without_repeats(node: Distinct | DistinctOn) -> Node:
    """What is below, where that gives no row twice: joins that are planned may have become semi joins."""
    match node:
        case Distinct(source=Project(source=source, outputs=outputs)):
            repeated = not tells_apart(source, [output.expr for output in outputs])
        case DistinctOn(source=source, keys=keys):
            repeated = not tells_apart(source, [*keys])
        case _:
            repeated = True
    return node if repeated else node.source


def tells_apart(node: Node, exprs: list[Expr]) -> bool:
    """Whether no two rows of joined tables are the same in all of ``exprs``."""
    columns = [expr for expr in exprs if isinstance(expr, Column) and not is_nullable(expr)]
    return _tells_apart(node, frozenset((column.alias, column.name) for column in columns))


def _tells_apart(node: Node, columns: Names) -> bool:
    match node:
        case Filter(source=source) | Join(kind="semi" | "anti", left=source):
            return _tells_apart(source, columns)
        case NestedLoop(left=source) | HashJoin(left=source) if _gives_left_once(node):
            return _tells_apart(source, columns)
        case Scan(table=table, alias=alias):
            return table.is_key({name for other, name in columns if other == alias})
        case Join(kind="inner" | "left", left=left, right=right, condition=condition, lateral=False):
            if one_at_most(right, condition):
                return _tells_apart(left, columns)
            if node.kind == "left":
                return False
            if one_at_most(left, condition):
                return _tells_apart(right, columns)
            return _tells_apart(left, columns) and _tells_apart(right, columns)
    return False


def _gives_left_once(node: NestedLoop | HashJoin) -> bool:
    match node:
        case NestedLoop(kind="inner" | "left", right=right):
            return gives_one(right)
        case HashJoin(kind="inner" | "left", right=right, right_keys=keys):
            return has_key(right, keys)
    return node.kind in ("semi", "anti")


def one_at_most(side: Node, condition: Expr | None) -> bool:
    """Whether no more than one row of that side of a join belongs to a row of the other."""
    scan, _ = unfiltered(side)
    if not isinstance(scan, Scan):
        return False
    names = set()
    for term in conjuncts(condition):
        if isinstance(term, Compare) and term.op == "=" and is_stable(term):
            for one, other in ((term.left, term.right), (term.right, term.left)):
                if isinstance(one, Column) and one.alias == scan.alias and scan.alias not in used_aliases(other):
                    names.add(one.name)
    return scan.table.is_key(names)


def _determining(node: Node, outputs: tuple[Output, ...]) -> tuple[Expr, ...] | None:
    """The primary keys of all tables of which the outputs are made, if they are among these."""
    known = {
        (output.expr.alias, output.expr.name): output.expr for output in outputs if isinstance(output.expr, Column)
    }
    tables = _tables(node)
    keys: list[Expr] = []
    for alias in dict.fromkeys(alias for output in outputs for alias in sorted(used_aliases(output.expr))):
        scan = tables.get(alias)
        if scan is None or not scan.table.primary_key:
            return None
        names = [(alias, name) for name in scan.table.primary_key]
        if not known.keys() >= {*names}:
            return None
        keys += [known[name] for name in names]
    plain = all(is_stable(output.expr) and not holds_subquery(output.expr) for output in outputs)
    return tuple(keys) if keys and plain else None


def _tables(node: Node) -> dict[str, Scan]:
    """The tables whose columns the rows of the joins have."""
    match node:
        case Scan(alias=alias):
            return {alias: node}
        case Filter(source=source) | Join(kind="semi" | "anti", left=source):
            return _tables(source)
        case Join(left=left, right=right):
            return _tables(left) | _tables(right)
    return {}
