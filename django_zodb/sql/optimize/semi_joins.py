"""Semi and anti joins as tests that may stand anywhere among other joins: as they are, led by their keys, or asked.

``Join semi a (Filter b.x (Scan b)) on b.a_id = a.id`` is a hash join or a look-up, an inner join that
``Distinct (Project b.a_id …)`` leads, or, of several tables, ``Filter exists (…) (Scan a)``.
"""

from __future__ import annotations

from ...record import record, replace
from ..expr import Column, Compare, Exists, Expr, InPlan, is_nullable, type_of
from ..plan import Distinct, Join, JoinKind, Node, Output, Scan, bound_aliases, has_key, walk
from ..rewrite import changed
from .cluster import Cluster, as_scan, cluster_of
from .decorrelate_tests import in_keys, keys_of, stands_alone
from .decorrelate_values import Pairs
from .join_step import Joined, equal_pair
from .statistics import Statistics
from .terms import conjuncts, filtered

Terms = tuple[Expr, ...]


@record
class Test:
    """A semi or anti join with ``right`` on ``terms``, of which a share is expected to be ``passing``.

    Or ``keys`` that may lead, linked to what is tested; or its subquery, ``asked`` for each row.
    """

    kind: JoinKind
    right: Node
    terms: Terms
    passing: float = 0.5
    keys: Joined | None = None
    links: Terms = ()
    asked: Exists | None = None


def test_of(node: Join, inner: Joined, statistics: Statistics) -> Test:
    """A semi or anti join to be placed, its right side planned as ``inner``.

    Its keys may lead, or its subquery be asked, where equalities are all that it tests; a table alone is looked up.
    """
    terms, pairs = conjuncts(node.condition), _equalities(node)
    is_table = as_scan(node.right) is not None
    test = Test(node.kind, node.right if is_table else inner.node, terms)
    if pairs is None:
        return test
    if node.kind == "semi":
        test = replace(test, passing=_passing(node.left, inner, pairs, statistics))
        test = _with_keys(test, node.right, inner, pairs)
    if not is_table and stands_alone(node.right, pairs):
        exists = Exists(filtered(node.right, terms), node.kind == "anti", keys=in_keys(node.right, pairs))
        test = replace(test, asked=exists)
    return test


def _passing(left: Node, inner: Joined, pairs: Pairs, statistics: Statistics) -> float:
    """The share of the left rows that are expected to pass: of a table's key no more than there are rows to find."""
    columns = [one for one, _ in pairs if isinstance(one, Column)]
    for part in walk(left):
        if isinstance(part, Scan) and part.table.is_key([each.name for each in columns if each.alias == part.alias]):
            return min(0.5, max(inner.rows, 1.0) / statistics.rows(part))
    return 0.5


def _with_keys(test: Test, right: Node, inner: Joined, pairs: Pairs) -> Test:
    keys = keys_of(inner.node, right, pairs)
    lead = keys if has_key(inner.node, [value for _, value in pairs]) else Distinct(keys)
    links = tuple(_equals(left, keys.alias, keys.outputs[at]) for at, (left, _) in enumerate(pairs))
    return replace(test, keys=Joined(lead, inner.rows, inner.cost + inner.rows, inner.cost + inner.rows), links=links)


def planned(asked: Exists, statistics: Statistics) -> Exists:
    """The subquery of a test with its plans: for one row, and for all keys."""
    from . import first_row, optimized

    assert isinstance(asked.keys, InPlan)
    keys = changed(asked.keys, plan=optimized(asked.keys.plan, statistics))
    return changed(asked, plan=first_row(asked.plan, statistics), keys=keys)


def with_tests(node: Node) -> tuple[Cluster, list[Join]]:
    """The cluster below semi and anti joins, and these, also those of the only relation that left joins add to."""
    below, tests = _tests_above(node)
    cluster = cluster_of(below) if isinstance(below, Join) else Cluster((below,), (), ())
    if cluster.hoisted and len(cluster.relations) == 1:
        inner, of_relation = with_tests(cluster.relations[0])
        if of_relation:
            return changed(inner, hoisted=(*inner.hoisted, *cluster.hoisted)), of_relation + tests
    return cluster, tests


def _tests_above(node: Node) -> tuple[Node, list[Join]]:
    """What is below the semi and anti joins at the top of ``node``, and these, the lowest first."""
    tests: list[Join] = []
    while isinstance(node, Join) and node.kind in ("semi", "anti") and not node.lateral:
        tests.append(node)
        node = node.left
    return node, tests[::-1]


def _equalities(node: Join) -> Pairs | None:
    """The condition as pairs of equal operands, of the left side and of the right; None if it says more than that."""
    pairs = [
        equal_pair(term, bound_aliases(node.left), bound_aliases(node.right)) for term in conjuncts(node.condition)
    ]
    found = tuple(pair for pair in pairs if pair is not None)
    return found if found and len(found) == len(pairs) else None


def _equals(left: Expr, alias: str, output: Output) -> Expr:
    return Compare("=", left, Column(alias, output.name, type_of(output.expr), is_nullable(output.expr)))
