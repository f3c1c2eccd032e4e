"""Joins get their order and their strategy, by what the tables hold.

``Join inner a b on b.a_id = a.id → NestedLoop (Scan b) (KeyLookup a (a.id = b.a_id))``. The right side is looked up by
rowid or index, hashed where another equality links the sides, or kept as a list. The left side leads: its order is
that of the result, so an ORDER BY with a LIMIT has a say in which table that is. Where DISTINCT, or the like, makes
one row of many, a table of which nothing else is used only has to have a match: it is semi-joined, or left out.
"""

from __future__ import annotations

import math
from itertools import takewhile

from ...record import record
from ..expr import Column, Compare, Expr, is_nullable, type_of
from ..plan import (
    Distinct,
    DistinctOn,
    HashJoin,
    Join,
    NestedLoop,
    Node,
    Output,
    Project,
    Recursive,
    SetOperation,
    WorkTable,
    bound_aliases,
    has_key,
    walk,
)
from ..rewrite import changed, map_sources
from .access import best_path
from .cluster import Cluster, Hoisted, as_scan, cluster_of
from .distinct_keys import one_at_most, without_repeats
from .goal import NO_GOAL, Goal, goal_below, goals_of_sides
from .join_step import Joined, equal_pair, join_step, leading, looked_up
from .late_lookups import late_cost
from .order import ordered_paths
from .statistics import DOUBT, Statistics, sort_cost
from .terms import conjuncts, filtered, free_aliases, used_aliases
from .use_index_order import run_length

Terms = tuple[Expr, ...]

_STARTS = 4  # leading relations that are tried in a large cluster
_SMALL_CLUSTER = 6


def choose_joins(node: Node, statistics: Statistics) -> Node:
    """Every Join as a NestedLoop or a HashJoin."""
    return _Chooser(statistics, bool(free_aliases(node))).choose(node, NO_GOAL)


@record
class Walk:
    """``cost``: what it costs more than the best path; ``rest``: the share of rows read behind those of a limit.

    Where the walk has the order of the first keys only, rows equal in these are read to the last.
    """

    cost: float
    rest: float = 0.0


_NO_WALK = Walk(0.0)


class _Chooser:
    """``repeated``: for a plan that is carried out for each outer row, or in each round of a recursion."""

    def __init__(self, statistics: Statistics, repeated: bool) -> None:
        self.statistics = statistics
        self.repeated = repeated

    def choose(self, node: Node, goal: Goal) -> Node:
        match node:
            case Join():
                return self.joined(node, goal).node
            case Recursive(all=every):
                rounds = _Chooser(self.statistics, repeated=True)
                first, step = (
                    self.choose(node.first, Goal(repeats=every)),
                    rounds.choose(node.step, Goal(repeats=every)),
                )
                return changed(node, first=first, step=step)
            case SetOperation(all=every):
                return map_sources(node, lambda source: self.choose(source, Goal(repeats=every)))
        node = map_sources(node, lambda source: self.choose(source, goal_below(node, goal)))
        return without_repeats(node) if isinstance(node, Distinct | DistinctOn) else node

    def joined(self, node: Join, goal: Goal) -> Joined:
        if node.kind == "inner" and not node.lateral:
            return self.cluster(cluster_of(node), goal)
        if node.kind == "left" and not node.lateral:
            cluster = cluster_of(node)
            if cluster.hoisted:
                return self.cluster(cluster, goal)
        led = self.driven_by_keys(node)
        for_left, for_right = goals_of_sides(node, goal)
        left = self.relation(node.left, for_left)
        terms = conjuncts(node.condition)
        step = self.step(left, node.right, node.kind, terms, for_right, self.share(left, goal), node.lateral)
        if led is None:
            return step
        keys = changed(led, node=_leading_relation(led.node))
        return led if self.final_cost(led, keys, goal) < self.final_cost(step, left, goal) else step

    def relation(self, node: Node, goal: Goal = NO_GOAL) -> Joined:
        """Something to be joined: planned within, if it holds joins itself."""
        return self.joined(node, goal) if isinstance(node, Join) else leading(self.choose(node, goal), self.statistics)

    def step(
        self,
        left: Joined,
        right: Node,
        kind: str,
        terms: Terms,
        goal: Goal,
        share: float = 1.0,
        lateral: bool = False,
    ) -> Joined:
        of_right = _Chooser(self.statistics, repeated=True) if lateral else self
        planned = right if as_scan(right) is not None else of_right.relation(right, goal).node
        return join_step(left, planned, kind, terms, self.statistics, share, lateral, self.repeated)

    def share(self, joined: Joined, goal: Goal) -> float:
        """The share of the rows that will be asked for: less than all if a limit applies to them as they come."""
        if goal.limit is None:
            return 1.0
        walk = self.walk(joined.node, goal) if goal.keys else _NO_WALK
        if walk is None:
            return 1.0
        return min(1.0, (goal.limit + walk.rest * joined.rows) / max(joined.rows, 1.0))

    def shares(self, lead: Joined, goal: Goal) -> set[float]:
        """The shares of the rows that may be asked for, if ``lead`` leads: a sort of it alone leaves less to join."""
        shares = {self.share(lead, goal)}
        if goal.limit is not None and _can_be_sorted(lead, goal):
            shares.add(min(1.0, goal.limit * DOUBT / max(lead.rows, 1.0)))
        return shares

    def walk(self, node: Node, goal: Goal) -> Walk | None:
        """The walk over the leading table in the order of the goal, or of its first keys; None where there is none."""
        base = as_scan(_leading_relation(node))
        if base is None:
            return None
        keys = tuple(takewhile(lambda key: used_aliases(key.expr) == {base[0].alias}, goal.keys))
        if not keys or (len(keys) < len(goal.keys) and goal.limit is None):
            return None
        found = list(ordered_paths(*base, keys, self.statistics))
        if not found:
            return None
        path = min(found, key=lambda path: path.cost)
        rest = 0.0
        if len(keys) < len(goal.keys):
            rest = run_length(base[0], path, len(keys), self.statistics) / max(path.rows, 1.0)
        return Walk(max(path.cost - best_path(*base, self.statistics).cost, 0.0), rest)

    # --- inner joins -----------------------------------------------------------------------------------------------

    def cluster(self, cluster: Cluster, goal: Goal) -> Joined:
        hoisted, used = _looked_at(cluster.hoisted, goal)
        within = Goal(
            used=None if used is None else used.union(*map(used_aliases, cluster.terms)), repeats=goal.repeats
        )
        relations = [self.relation(each, within) for each in cluster.relations]
        needed = None if goal.repeats else used
        best: Joined | None = None
        best_cost = 0.0
        for start in self.starts(relations):
            lead = relations[start]
            for share in self.shares(lead, goal):
                joined = self.greedy(start, relations, cluster.terms, share, needed)
                cost = self.final_cost(joined, lead, goal)
                if best is None or cost < best_cost:
                    best, best_cost = joined, cost
        assert best is not None
        for each in hoisted:
            best = self.step(best, each.right, each.kind, conjuncts(each.condition), within, self.share(best, goal))
        return best

    def starts(self, relations: list[Joined]) -> list[int]:
        every = list(range(len(relations)))
        rounds = [at for at in every if any(isinstance(part, WorkTable) for part in walk(relations[at].node))]
        if rounds:
            return rounds  # what does not depend on them is made once, for all rounds
        if len(relations) <= _SMALL_CLUSTER:
            return every
        return sorted(sorted(every, key=lambda at: relations[at].rows)[:_STARTS])

    def greedy(
        self, start: int, relations: list[Joined], terms: Terms, share: float, needed: frozenset[str] | None
    ) -> Joined:
        """Joins led by ``start``, each next relation the one that is cheapest then, linked ones first.

        Of relations that are not ``needed`` afterwards (None: all are) one match is as good as many.
        """
        everything = frozenset[str]().union(*(bound_aliases(each.node) for each in relations))
        current, waiting = relations[start], [at for at in range(len(relations)) if at != start]
        pending = list(terms)
        while waiting:
            bound = bound_aliases(current.node)
            steps: list[tuple[bool, float, int, Joined, list[Expr]]] = []
            for at in waiting:
                own = bound_aliases(relations[at].node)
                ready = [term for term in pending if used_aliases(term) & everything <= bound | own]
                linked = any(used_aliases(term) & bound for term in ready)
                later = [term for term in pending if term not in ready]
                kind = "inner" if needed is None or own & needed.union(*map(used_aliases, later)) else "semi"
                joined = join_step(
                    current, relations[at].node, kind, tuple(ready), self.statistics, share, repeated=self.repeated
                )
                steps.append((not linked, joined.share_cost(share) + joined.rows * share, at, joined, ready))
            _, _, at, current, ready = min(steps, key=lambda step: step[:3])
            waiting.remove(at)
            pending = [term for term in pending if term not in ready]
        return current if not pending else changed(current, node=filtered(current.node, pending))

    def final_cost(self, joined: Joined, lead: Joined, goal: Goal) -> float:
        """The cost with that of sorting, or less where the lead has the order, or is sorted, and a limit ends that."""
        share = 1.0 if goal.limit is None else min(1.0, goal.limit / max(joined.rows, 1.0))
        if not goal.keys:
            return joined.share_cost(share)
        costs = [joined.cost + sort_cost(joined.rows, goal.limit) - late_cost(joined, goal.keys) * (1.0 - share)]
        walk = self.walk(joined.node, goal)
        if walk is not None:
            walked = min(1.0, share + walk.rest)
            costs.append(joined.share_cost(walked) + walk.cost * walked)
        if goal.limit is not None and _can_be_sorted(lead, goal):
            share = min(1.0, share * DOUBT)
            rest = (lead.cost - lead.start) * (1.0 - share)
            costs.append(joined.share_cost(share) + rest + sort_cost(lead.rows, math.ceil(lead.rows * share)))
        return min(costs)

    # --- semi joins ------------------------------------------------------------------------------------------------

    def driven_by_keys(self, node: Join) -> Joined | None:
        """A semi join the other way round: each distinct key of the right side looked up in the table on the left."""
        base = as_scan(node.left)
        if node.kind != "semi" or base is None or node.lateral:
            return None
        pairs = _equalities(node)
        if pairs is None:
            return None
        alias = f"{base[0].alias} keys"
        outputs = tuple(Output(f"key {at}", value) for at, (_, value) in enumerate(pairs))
        inner = self.relation(node.right, goals_of_sides(node, NO_GOAL)[1])
        keys: Node = Project(inner.node, alias, outputs)
        if not has_key(inner.node, [value for _, value in pairs]):
            keys = Distinct(keys)
        terms = tuple(_equals(left, alias, outputs[at]) for at, (left, _) in enumerate(pairs))
        lead = Joined(keys, inner.rows, inner.cost + inner.rows, inner.cost + inner.rows)
        return looked_up(lead, base, "inner", terms, self.statistics)


def _can_be_sorted(lead: Joined, goal: Goal) -> bool:
    return all(used_aliases(key.expr) <= bound_aliases(lead.node) for key in goal.keys)


def _leading_relation(node: Node) -> Node:
    """The relation whose rows come first and set the order: leftmost below the joins."""
    while isinstance(node, NestedLoop | HashJoin):
        node = node.left
    return node


def _looked_at(hoisted: tuple[Hoisted, ...], goal: Goal) -> tuple[list[Hoisted], frozenset[str] | None]:
    """The left joins of which something is used, or that repeat rows; and all aliases that are used then."""
    kept: list[Hoisted] = []
    for each in reversed(hoisted):
        if goal.ignores(each.right) and (not goal.repeats or one_at_most(each.right, each.condition)):
            continue
        kept.append(each)
        if goal.used is not None:
            goal = changed(goal, used=goal.used.union(*map(used_aliases, conjuncts(each.condition))))
    return kept[::-1], goal.used


def _equalities(node: Join) -> list[tuple[Expr, Expr]] | None:
    """The condition as pairs of equal operands, of the left side and of the right; None if it says more than that."""
    pairs = [
        equal_pair(term, bound_aliases(node.left), bound_aliases(node.right)) for term in conjuncts(node.condition)
    ]
    found = [pair for pair in pairs if pair is not None]
    return found if found and len(found) == len(pairs) else None


def _equals(left: Expr, alias: str, output: Output) -> Expr:
    return Compare("=", left, Column(alias, output.name, type_of(output.expr), is_nullable(output.expr)))
