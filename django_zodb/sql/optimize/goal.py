"""What stands above joins, as far as their order and strategy depend on it."""

from __future__ import annotations

from collections.abc import Iterable

from ...record import record
from ..expr import AggregateCall, Expr, SortKey
from ..plan import Aggregate, Distinct, DistinctOn, Filter, Join, Limit, Node, Project, Sort, bound_aliases
from ..rewrite import changed
from .order import order_of_groups
from .terms import conjuncts, free_aliases, through_project, used_aliases
from .use_index_order import wanted

_GROUP = 10  # rows of a group, or rows that are the same, where only the first are asked for
_OF_ANY_NUMBER = frozenset(("MIN", "MAX", "BOOL_AND", "BOOL_OR", "EVERY", "BIT_AND", "BIT_OR"))


@record
class Goal:
    """The order asked for, how many rows of it, and whose columns.

    ``used``: the aliases that are looked at (None: perhaps all). Unless ``repeats`` count, a row may be given once or
    often, as is easiest: what stands above makes it one.
    """

    keys: tuple[SortKey, ...] = ()
    limit: int | None = None
    used: frozenset[str] | None = None
    repeats: bool = True

    def ignores(self, node: Node) -> bool:
        """Whether no column of the node is looked at."""
        return self.used is not None and not self.used & bound_aliases(node)


NO_GOAL = Goal()


def goal_below(node: Node, goal: Goal) -> Goal:
    """The goal for the only source of ``node``."""
    match node:
        case Limit():
            return Goal(limit=wanted(node), used=with_used(goal.used, ()))
        case Sort(keys=keys):
            return changed(goal, keys=keys, used=with_used(goal.used, (key.expr for key in keys)))
        case Filter(condition=condition):
            return changed(goal, used=with_used(goal.used, (condition,)))
        case Distinct():
            return Goal(goal.keys, _of_groups(goal), bound_aliases(node), repeats=False)
        case DistinctOn(keys=keys):
            return Goal(goal.keys, _of_groups(goal), with_used(goal.used, keys), repeats=False)
        case Project():
            return _below_project(node, goal)
        case Aggregate():
            return _below_groups(node, goal)
    return NO_GOAL


def goals_of_sides(join: Join, goal: Goal) -> tuple[Goal, Goal]:
    """The goals for the left and the right side of a join."""
    used = with_used(goal.used, conjuncts(join.condition))
    if join.lateral:
        used = None if used is None else used | free_aliases(join.right)
    if join.kind in ("semi", "anti"):
        return changed(goal, used=used), Goal(used=with_used(frozenset(), conjuncts(join.condition)), repeats=False)
    return changed(goal, used=used), Goal(used=used, repeats=goal.repeats)


def with_used(used: frozenset[str] | None, exprs: Iterable[Expr]) -> frozenset[str] | None:
    """These aliases, and those that the expressions use; None is all, and remains so."""
    return None if used is None else used.union(*map(used_aliases, exprs))


def _below_project(node: Project, goal: Goal) -> Goal:
    used = with_used(frozenset(), (output.expr for output in node.outputs))
    keys = []
    for key in goal.keys:
        expr = through_project(key.expr, node)
        if expr is None:
            return Goal(used=used, repeats=goal.repeats)
        keys.append(changed(key, expr=expr))
    return Goal(tuple(keys), goal.limit, used, goal.repeats)


def _below_groups(node: Aggregate, goal: Goal) -> Goal:
    exprs = [key.expr for key in node.keys]
    for _, call in node.calls:
        exprs += [*call.args, *(key.expr for key in call.order_by), *([] if call.filter is None else [call.filter])]
    used = with_used(frozenset(), exprs)
    repeats = not all(_is_of_any_number(call) for _, call in node.calls)
    keys = order_of_groups(goal.keys, node) if goal.limit is not None and goal.keys else None
    if keys is None:
        return Goal(used=used, repeats=repeats)
    return Goal(keys, _of_groups(goal), used, repeats)


def _of_groups(goal: Goal) -> int | None:
    return None if goal.limit is None else goal.limit * _GROUP


def _is_of_any_number(call: AggregateCall) -> bool:
    """Whether the aggregate is the same however often one of its values is given."""
    return call.distinct or call.function in _OF_ANY_NUMBER
