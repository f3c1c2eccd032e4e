"""Joins get their order and their strategy, by what the tables hold.

``Join inner a b on b.a_id = a.id → NestedLoop (Scan b) (KeyLookup a (a.id = b.a_id))``. The right side is looked up by
rowid or index, hashed where another equality links the sides, or kept as a list. The left side leads: its order is
that of the result, so an ORDER BY with a LIMIT has a say in which table that is. Where DISTINCT, or the like, makes
one row of many, a table of which nothing else is used only has to have a match: it is semi-joined, or left out. A semi
join takes its place among the others as soon as what it looks at is there, or leads them with its keys.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from itertools import takewhile

from ...record import record, replace
from ..expr import Exists, Expr
from ..plan import (
    Distinct,
    DistinctOn,
    HashJoin,
    Join,
    NestedLoop,
    Node,
    Recursive,
    SetOperation,
    WorkTable,
    bound_aliases,
    walk,
)
from ..rewrite import changed, map_sources
from .access import best_path
from .cluster import Cluster, Hoisted, as_scan
from .decorrelate_values import CALL
from .distinct_keys import one_at_most, without_repeats
from .goal import NO_GOAL, Goal, goal_below, goals_of_sides, with_used
from .join_step import Joined, join_step, leading, most_asked
from .late_lookups import late_cost
from .order import ordered_paths
from .push_filters import push_filters
from .semi_joins import Test, planned, test_of, with_tests
from .statistics import DOUBT, Statistics, sort_cost
from .terms import conjuncts, filtered, free_aliases, unfiltered, used_aliases
from .use_index_order import run_length

Terms = tuple[Expr, ...]

_STARTS = 4  # leading relations that are tried in a large cluster
_SMALL_CLUSTER = 6
_KEYS_TRIED = 2  # semi joins whose keys may lead: those with the fewest
_WORTH_ASKING = 10_000.0  # what making keys costs that there is no need to do without


def choose_joins(node: Node, statistics: Statistics) -> Node:
    """Every Join as a NestedLoop or a HashJoin."""
    return _Chooser(statistics, bool(free_aliases(node))).choose(node, NO_GOAL)


def joined_alone(node: Node, statistics: Statistics) -> Joined:
    """Joins and tables as they are planned by themselves, each time for one outer row if they use one."""
    return _Chooser(statistics, bool(free_aliases(node))).relation(node)


@record
class Walk:
    """``cost``: what it costs more than the best path; ``rest``: the share of rows read behind those of a limit.

    Where the walk has the order of the first keys only, rows equal in these are read to the last.
    """

    cost: float
    rest: float = 0.0


_NO_WALK = Walk(0.0)


@record
class Waiting:
    """What is joined so far, and what is still to be joined and tested."""

    current: Joined
    relations: list[Joined]
    terms: list[Expr]
    tests: list[Test]

    def aliases(self) -> frozenset[str]:
        """All aliases that there are or will be."""
        return bound_aliases(self.current.node).union(*(bound_aliases(each.node) for each in self.relations))


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
        cluster, tests = with_tests(node)
        if tests or len(cluster.relations) > 1 or cluster.hoisted:
            return self.cluster(cluster, goal, tests)
        for_left, for_right = goals_of_sides(node, goal)
        left = self.relation(node.left, for_left)
        terms = conjuncts(node.condition)
        return self.step(left, node.right, node.kind, terms, for_right, self.share(left, goal), node.lateral)

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

    # --- inner joins, and semi joins among them ---------------------------------------------------------------------

    def cluster(self, cluster: Cluster, goal: Goal, tests: list[Join]) -> Joined:
        """The relations of the cluster, tested by semi and anti joins; then its left joins."""
        hidden = frozenset[str]().union(*(bound_aliases(each.right) for each in cluster.hoisted))
        late = [test for test in tests if used_aliases(test.condition) & hidden]
        early = [self.test(test) for test in tests if test not in late]
        tested = [term for test in tests for term in conjuncts(test.condition)]
        hoisted, used = _looked_at(cluster.hoisted, changed(goal, used=with_used(goal.used, tested)))
        within = Goal(used=with_used(used, cluster.terms), repeats=goal.repeats)
        relations = [self.relation(each, within) for each in cluster.relations]
        best = self.cheapest(relations, cluster.terms, early, goal, None if goal.repeats else used)
        for each in hoisted:
            best = self.step(best, each.right, each.kind, conjuncts(each.condition), within, self.share(best, goal))
        for test in late:
            of_test = goals_of_sides(test, goal)[1]
            best = self.step(best, test.right, test.kind, conjuncts(test.condition), of_test, self.share(best, goal))
        return best

    def cheapest(
        self, relations: list[Joined], terms: Terms, tests: list[Test], goal: Goal, needed: frozenset[str] | None
    ) -> Joined:
        best: Joined | None = None
        best_cost = 0.0
        for lead in self.leads(relations, terms, tests):
            for share in self.shares(lead.current, goal):
                joined = self.greedy(lead, share, needed)
                cost = self.final_cost(joined, lead.current, goal)
                if best is None or cost < best_cost:
                    best, best_cost = joined, cost
        assert best is not None
        return best

    def leads(self, relations: list[Joined], terms: Terms, tests: list[Test]) -> Iterator[Waiting]:
        """What may come first, with all that waits then: a relation, or the keys of a semi join."""
        for start in self.starts(relations):
            rest = [each for at, each in enumerate(relations) if at != start]
            yield Waiting(relations[start], rest, [*terms], [*tests])
        if any(map(_is_of_rounds, relations)):
            return
        with_keys = [(test.keys.rows, at) for at, test in enumerate(tests) if test.keys is not None]
        for _, at in sorted(with_keys)[:_KEYS_TRIED]:
            test = tests[at]
            assert test.keys is not None
            yield Waiting(test.keys, [*relations], [*terms, *test.links], [*tests[:at], *tests[at + 1 :]])

    def starts(self, relations: list[Joined]) -> list[int]:
        every = list(range(len(relations)))
        rounds = [at for at in every if _is_of_rounds(relations[at])]
        if rounds:
            return rounds  # what does not depend on them is made once, for all rounds
        if len(relations) <= _SMALL_CLUSTER:
            return every
        return sorted(sorted(every, key=lambda at: relations[at].rows)[:_STARTS])

    def greedy(self, lead: Waiting, share: float, needed: frozenset[str] | None) -> Joined:
        """Joins behind a lead, each next relation or test the one that is cheapest then, linked ones first.

        Of relations that are not ``needed`` afterwards (None: all are) one match is as good as many.
        """
        here = lead
        while here.relations or here.tests:
            steps = [*self.next_relations(here, share, needed), *self.next_tests(here, share)]
            here = min(steps, key=lambda step: step[0])[1]
        current = here.current
        return current if not here.terms else changed(current, node=filtered(current.node, here.terms))

    def next_relations(
        self, here: Waiting, share: float, needed: frozenset[str] | None
    ) -> Iterator[tuple[tuple[bool, float, int], Waiting]]:
        bound, everything = bound_aliases(here.current.node), here.aliases()
        for at, relation in enumerate(here.relations):
            own = bound_aliases(relation.node)
            ready = [term for term in here.terms if used_aliases(term) & everything <= bound | own]
            linked = any(used_aliases(term) & bound for term in ready)
            later = [term for term in here.terms if term not in ready]
            asked = (term for test in here.tests for term in test.terms)
            used = None if needed is None else needed.union(*map(used_aliases, (*later, *asked)))
            kind = "inner" if used is None or own & used else "semi"
            joined = join_step(
                here.current, relation.node, kind, tuple(ready), self.statistics, share, repeated=self.repeated
            )
            rest = [each for each in here.relations if each is not relation]
            cost = joined.share_cost(share) + joined.rows * share
            yield (not linked, cost, at), Waiting(joined, rest, later, here.tests)

    def next_tests(self, here: Waiting, share: float) -> Iterator[tuple[tuple[bool, float, int], Waiting]]:
        missing = here.aliases() - bound_aliases(here.current.node)
        for at, test in enumerate(here.tests):
            if missing & frozenset[str]().union(*map(used_aliases, test.terms)):
                continue
            joined = join_step(
                here.current, test.right, test.kind, test.terms, self.statistics, share, repeated=self.repeated
            )
            joined = replace(joined, rows=here.current.rows * test.passing)
            joined = self.asked(here.current, test, joined, share) or joined
            rest = [each for each in here.tests if each is not test]
            cost = joined.share_cost(share) + joined.rows * share
            yield (False, cost, at), Waiting(joined, here.relations, here.terms, rest)

    def asked(self, current: Joined, test: Test, joined: Joined, share: float) -> Joined | None:
        """The test as a subquery that is asked for each row, if that costs less than ``joined``.

        After a quarter of what making all keys costs, these are made.
        """
        exists, build = test.asked, joined.start - current.start
        if exists is None or build < _WORTH_ASKING:
            return None
        one = self.statistics.once(("one", exists), partial(self.cost_of_one, exists))
        if one * current.rows * min(1.0, share / test.passing) > build:
            return None
        asked = self.statistics.once(("asked", exists), partial(planned, exists, self.statistics))
        node = filtered(current.node, [changed(asked, most=most_asked(build, one))])
        return Joined(node, joined.rows, current.cost + current.rows * one, current.start)

    def cost_of_one(self, asked: Exists) -> float:
        """What it costs to ask for one row, for which there may be nothing."""
        plan = push_filters(asked.plan, self.statistics)
        return CALL + _Chooser(self.statistics, repeated=True).relation(unfiltered(plan)[0]).cost

    def test(self, node: Join) -> Test:
        inner = self.relation(node.right, goals_of_sides(node, NO_GOAL)[1])
        return test_of(node, inner, self.statistics)

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


def _is_of_rounds(joined: Joined) -> bool:
    return any(isinstance(part, WorkTable) for part in walk(joined.node))


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
