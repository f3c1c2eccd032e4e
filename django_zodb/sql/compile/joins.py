"""Joins: nested loops, lookups that need no loop, hash joins, and the kinds that keep or drop what has no pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ...record import record, replace
from ...values import BOOLEAN, Kind
from .. import expr as x
from .. import plan as p
from ..expr import Expr, is_nullable
from ..plan import Node
from .access import Lookup, is_lookup, open_lookup
from .ahead import open_ahead, opens_ahead
from .frame import Frame, Needed, needed_by, needed_inside, target_of, tuple_of
from .order import closed
from .pipeline import Do, For, Let, Step, blocks
from .subquery import LocalFunction, call_rows, is_made_once

AnyJoin = p.Join | p.NestedLoop | p.HashJoin


@record
class Right:
    """The right side of a join, ready to be looped over: variables of a row, and the text of their iterable.

    ``lazy``: the iterable may be looped over only once, and does not tell if it is empty.
    """

    aliases: list[str]
    names: list[str]
    iterable: str
    lazy: bool = False

    @property
    def target(self) -> str:
        """What a loop unpacks a row into."""
        return target_of(self.names)


def open_join(frame: Frame, node: AnyJoin, needed: Needed) -> None:
    """Open both sides; binds their aliases (of a semi or anti join, those of the left side)."""
    condition = node.condition
    inner = needed | needed_by([condition] if condition is not None else [])
    inner |= (
        needed_by((*node.left_keys, *node.right_keys)) if isinstance(node, p.HashJoin) else needed_inside(node.right)
    )
    frame.open(node.left, inner)
    if frame.crowded:
        frame.materialise(frame.bound(node.left), inner)
    frame.note(node)
    lookup, terms = _peeled(node.right, condition)
    if node.kind == "full":
        _open_full(frame, node, inner)
    elif isinstance(node, p.NestedLoop) and opens_ahead(node, lookup, inner):
        assert isinstance(lookup, Lookup)
        open_ahead(frame, node, lookup, terms, inner)
    elif is_lookup(lookup) and not isinstance(node, p.HashJoin):
        assert isinstance(lookup, Lookup)
        _open_lookup(frame, node, lookup, terms)
    elif isinstance(node, p.HashJoin):
        _open_hash(frame, node, needed)
    else:
        _open_loop(frame, node, inner)


def _peeled(node: Node, condition: Expr | None) -> tuple[Node, list[Expr]]:
    """The node under its filters, and their conditions with that of the join: for these the place is the same."""
    terms = [condition] if condition is not None else []
    while isinstance(node, p.Filter):
        terms.append(node.condition)
        node = node.source
    return node, terms


def _both(terms: Sequence[Expr]) -> Expr | None:
    if len(terms) > 1:
        return x.And(tuple(terms))
    return terms[0] if terms else None


# --- lookups: no loop ----------------------------------------------------------------------------------------------


def _open_lookup(frame: Frame, node: AnyJoin, lookup: Lookup, terms: list[Expr]) -> None:
    frame.note(lookup)
    if node.kind in ("inner", "semi"):
        row = open_lookup(frame, lookup)
        frame.where(f"({row} is not None)")
        _where(frame, terms)
        return
    row = open_lookup(frame, lookup)
    _check_found(frame, row, terms)
    if node.kind == "anti":
        frame.where(f"({row} is None)")
        return
    missing = frame.unit.missing(lookup.alias, len(lookup.table.columns))
    match frame.steps[-1]:
        case Let(name=name, text=text) if name == row:
            frame.steps[-1] = Let(row, f"({text} or {missing})", kept=True)
        case _:
            frame.set(row, f"({row} or {missing})")


def _where(frame: Frame, terms: Sequence[Expr]) -> None:
    for term in terms:
        frame.where(frame.is_true(term))


def _check_found(frame: Frame, row: str, terms: list[Expr]) -> None:
    """Make the row None where the rest of the join condition does not hold."""
    condition = _both(terms)
    if condition is None:
        return
    with frame.aside() as steps:
        text = frame.is_true(condition)
    frame.do(
        f"if {row} is not None:", *("    " + line for line in blocks(steps, [f"if not {text}:", f"    {row} = None"]))
    )


# --- loops ---------------------------------------------------------------------------------------------------------


def _open_loop(frame: Frame, node: p.Join | p.NestedLoop, needed: Needed) -> None:
    if node.kind == "inner" and _in_place(frame, node):
        frame.open(node.right, needed)
        if node.condition is not None:
            frame.where(frame.is_true(node.condition))
        return
    right = _right_side(frame, node, needed)
    _open_matches(frame, node, right, needed)


def _in_place(frame: Frame, node: p.Join | p.NestedLoop) -> bool:
    """Whether the right side can be opened inside the left one: an access path that uses the left row."""
    return _depends(frame, node) and all(isinstance(part, p.BaseAccess | p.Filter) for part in p.walk(node.right))


def _depends(frame: Frame, node: AnyJoin) -> bool:
    left = p.bound_aliases(node.left)
    return any(alias in left for alias, _ in needed_inside(node.right))


def _right_side(frame: Frame, node: p.Join | p.NestedLoop, needed: Needed) -> Right:
    """The right side as an iterable: a list made before the loops, an access path, or a function of the left row."""
    if not _depends(frame, node):
        return _listed(frame, node.right, needed)
    if _in_place(frame, node):
        with frame.aside() as steps:
            frame.open(node.right, needed)
            aliases = frame.bound(node.right)
            names = frame.carried(aliases, needed)
        return Right(aliases, names, _iterable(frame, steps, tuple_of(names), "generator"), lazy=True)
    names, call = call_rows(frame, node.right, needed)
    return Right(frame.bound(node.right), names, call)


def _iterable(frame: Frame, steps: list[Step], value: str, kind: Literal["list", "generator", "any"] = "list") -> str:
    """Text of what the steps give: a list, something to loop over once, or whether there is anything."""
    outer, frame.steps = frame.steps, steps
    simple = frame.comprehension("True" if kind == "any" else value)
    frame.steps = outer
    if simple is None:
        name = frame.source.name("matches")
        lines = [f"{name} = []", *blocks(steps, [f"{name}.append({value})"])]
        outer.append(Do(tuple(lines)))
        return name
    if kind == "any":
        return f"any{closed(simple.generator)}"
    if kind == "generator":
        return simple.generator
    return "".join(simple.listing()) if simple.plain else f"[{simple.generator[1:-1]}]"


def _listed(frame: Frame, node: Node, needed: Needed) -> Right:
    """The right side in a list, made before the pipeline of the left side, or at its first use for all calls."""
    if is_made_once(frame, node):
        names, call = call_rows(frame, node, needed)
        return Right(frame.bound(node), names, call)
    with frame.aside(before=True):
        frame.open(node, needed)
        aliases = frame.bound(node)
        names = frame.carried(aliases, needed)
        rows = frame.collect(tuple_of(names), f"{aliases[0] if aliases else 'row'}_rows")
    return Right(aliases, names, rows)


def _open_matches(frame: Frame, node: AnyJoin, right: Right, needed: Needed) -> None:
    """Loop over the right rows that match; outer, semi and anti joins ask first if there are any."""
    if node.kind == "inner":
        frame.each(right.target, right.iterable, sized=not right.lazy)
        if node.condition is not None:
            frame.where(frame.is_true(node.condition))
        return
    if node.kind == "left":
        matches = _matches(frame, node.condition, right, "list")
        absent = tuple_of([frame.missing(right.aliases, needed)[name] for name in right.names])
        frame.each(right.target, f"({matches} or ({absent},))")
    else:
        matches = _matches(frame, node.condition, right, "any")
        frame.where(matches if node.kind == "semi" else f"(not {matches})")


def _matches(frame: Frame, condition: Expr | None, right: Right, kind: Literal["list", "any"]) -> str:
    """Text of a list (or the like) of the matching right rows, false if empty; of ``any``, only if there are some."""
    if condition is None and not right.lazy:
        return right.iterable
    with frame.aside() as steps:
        frame.steps.append(For(right.target, right.iterable))
        if condition is not None:
            frame.where(frame.is_true(condition))
    return _iterable(frame, steps, tuple_of(right.names), kind)


# --- hash joins ----------------------------------------------------------------------------------------------------


def _open_hash(frame: Frame, node: p.HashJoin, needed: Needed) -> None:
    node, tests = _tested_early(node)
    if _only_has_to_match(node, needed):
        node = replace(node, kind="semi")
    needed |= needed_by([node.condition] if node.condition is not None else [])
    keys_only, unique = _keys_suffice(node), p.has_key(node.right, node.right_keys)
    right, table = _right_table(frame, node, tests, needed)
    key = _probe_key(frame, node.left_keys)
    if keys_only:
        frame.where(f"({key} {'in' if node.kind == 'semi' else 'not in'} {table})")
        return
    if unique and right.names and (node.kind == "inner" or node.condition is None):
        _open_unique(frame, node, right, table, key, needed)
        return
    found = f"({table}[{key}],)" if unique else f"{table}.get({key}, ())"
    if unique:
        found = f"({table}[{key}],) if {key} in {table} else ()"
    _open_matches(frame, node, replace(right, iterable=f"({found})"), needed)


def _only_has_to_match(node: p.HashJoin, needed: Needed) -> bool:
    """Whether the right side has one row at most for each left one, of which nothing is looked at."""
    if node.kind != "inner" or node.condition is not None or not p.has_key(node.right, node.right_keys):
        return False
    aliases = p.bound_aliases(node.right)
    return not any(alias in aliases for alias, _ in needed)


def _keys_suffice(node: p.HashJoin) -> bool:
    return node.kind in ("semi", "anti") and node.condition is None


def _right_table(frame: Frame, node: p.HashJoin, tests: dict[str, Expr], needed: Needed) -> tuple[Right, str]:
    """The right rows, filed before the pipeline of the left side, or once for all calls; and the table's variable."""
    used = needed_by((*node.right_keys, *tests.values()))
    if not is_made_once(frame, node.right) or any(alias in frame.scope for alias, _ in used):
        with frame.aside(before=True):
            return _filed(frame, node, tests, needed)
    function = LocalFunction(frame, node.right, f"{_name_of(node.right)}_by_key")
    right, table = _filed(function.frame, node, tests, needed)
    function.frame.write(f"return {table}")
    frame.scope.update((alias, function.frame.scope[alias]) for alias in right.aliases)
    frame.forget(right.aliases)
    frame.lines.append(f"{table} = {function.call()}")
    return right, table


def _filed(frame: Frame, node: p.HashJoin, tests: dict[str, Expr], needed: Needed) -> tuple[Right, str]:
    """Open the right side and file its rows under their keys; returns them, and the table's variable."""
    unique = p.has_key(node.right, node.right_keys)
    frame.open(node.right, needed | needed_by((*node.right_keys, *tests.values())))
    aliases = frame.bound(node.right)
    if tests:
        aliases.append(_tests_alias(node))
        results = {name: frame.let(name, frame.is_true(test)) for name, test in tests.items()}
        frame.bind(aliases[-1], tests, None).columns = results
    stored = _stored_key(frame, node.right_keys)
    if unique and node.kind == "left" and len([name for alias, name in needed if alias in aliases]) == 1:
        frame.narrow(aliases, needed)  # a value that is not there is NULL, a row would have to be one of NULLs
    names = frame.carried(aliases, needed)
    table = _hash_table(frame, node, stored, tuple_of(names), _keys_suffice(node), unique)
    return Right(aliases, names, table), table


_HARMLESS = (
    *(x.Column, x.Constant, x.Param, x.Compare, x.IsDistinct, x.IsNull, x.IsTruth),
    *(x.And, x.Or, x.Not, x.In),
)


def _tested_early(node: p.HashJoin) -> tuple[p.HashJoin, dict[str, Expr]]:
    """The join, and alternatives of its condition that say something of the right side alone, by a name for each OR.

    They are tested as the right rows are filed, not with every pair; the condition has their results instead.
    """
    if node.kind != "inner" or node.condition is None:
        return node, {}
    right, tests = p.bound_aliases(node.right), dict[str, Expr]()
    terms: list[Expr] = list(node.condition.terms if isinstance(node.condition, x.And) else (node.condition,))
    for at, term in enumerate(terms):
        own = [each for each in term.terms if _is_of(each, right)] if isinstance(term, x.Or) else []
        if own and isinstance(term, x.Or):
            name = f"alternative_{len(tests) + 1}"
            tests[name] = own[0] if len(own) == 1 else x.Or(tuple(own))
            known = x.Column(_tests_alias(node), name, BOOLEAN, nullable=False)
            terms[at] = x.Or((*(each for each in term.terms if each not in own), known))
    return (replace(node, condition=_both(terms)), tests) if tests else (node, tests)


def _is_of(term: Expr, aliases: frozenset[str]) -> bool:
    """Whether the term looks at these aliases only, and cannot fail where it would not have been asked."""
    used = {alias for alias, _ in needed_by((term,))}
    return bool(used) and used <= aliases and all(map(_is_harmless, x.walk(term)))


def _is_harmless(part: Expr) -> bool:
    if isinstance(part, x.Like):
        return part.shape is not None or isinstance(part.pattern, x.Constant)  # others may end in their escape
    return isinstance(part, _HARMLESS)


def _tests_alias(node: p.HashJoin) -> str:
    return f"{_name_of(node.right)} alternatives"


def _hash_table(frame: Frame, node: p.HashJoin, key: str, value: str, keys_only: bool, unique: bool) -> str:
    """Print the loop that files the right rows under their keys; returns the variable."""
    wanted = "_by_".join((_name_of(node.right), "_".join(_column_of(key) for key in node.right_keys)))
    name = frame.source.name(wanted)
    kind = "set" if keys_only else "dict" if unique else "lists"
    if kind != "lists" and frame.collect_braced(name, key, None if keys_only else value):
        return name
    first = {"set": "set()", "dict": "{}", "lists": "defaultdict(list)"}[kind]
    frame.lines.append(f"{name} = {first}")
    sink = {"set": f"{name}.add({key})", "dict": f"{name}[{key}] = {value}", "lists": f"{name}[{key}].append({value})"}
    frame.finish(sink[kind])
    return name


def _stored_key(frame: Frame, keys: Sequence[Expr]) -> str:
    """The key of a right row; rows with a NULL in it match nothing, and are left out."""
    texts = []
    for key in keys:
        if is_nullable(key):
            frame.where(f"({frame.atom(key, 'key')} is not None)")
        texts.append(_same(key, frame.value(key)))
    return tuple_of(texts)


def _probe_key(frame: Frame, keys: Sequence[Expr]) -> str:
    return tuple_of([_probe(frame, key) for key in keys])


def _probe(frame: Frame, key: Expr) -> str:
    if x.type_of(key).kind is Kind.UUID and is_nullable(key):
        text = frame.atom(key, "key")
        return f"(None if {text} is None else {_same(key, text)})"
    return _same(key, frame.value(key))


def _same(key: Expr, text: str) -> str:
    """The value as it may be looked up: every NaN the same; of a UUID its number, since UUIDs compare in Python."""
    match x.type_of(key).kind:
        case Kind.DOUBLE:
            return f"same({text})"
        case Kind.UUID:
            return f"{text}.int"
    return text


def _open_unique(frame: Frame, node: p.HashJoin, right: Right, table: str, key: str, needed: Needed) -> None:
    """Bind what is filed under the key: a row, or the variables of several columns."""
    if len(right.names) == 1 and frame.scope[right.aliases[0]].row is None:
        _open_unique_value(frame, node, right.names[0], table, key)
        return
    found = f"{table}.get({key})"
    (row,) = right.names if len(right.names) == 1 else (frame.source.name("match"),)
    absent = tuple_of([frame.missing(right.aliases, needed)[name] for name in right.names])
    if node.kind == "left" and len(right.names) == 1 and absent != "None":
        frame.set(row, f"({found} or {absent})")
        return
    frame.set(row, found)
    match node.kind:
        case "inner":
            frame.where(f"({row} is not None)")
        case "left":
            frame.set(row, f"({absent} if {row} is None else {row})")
        case _:
            frame.where(f"({row} is {'not ' if node.kind == 'semi' else ''}None)")
            return
    if len(right.names) > 1:
        frame.set(right.target, row)
    if node.condition is not None:
        frame.where(frame.is_true(node.condition))


def _open_unique_value(frame: Frame, node: p.HashJoin, name: str, table: str, key: str) -> None:
    """As ``_open_unique`` for one column, which may be NULL in a row that is there."""
    if node.kind == "left":
        frame.set(name, f"{table}.get({key})")
    else:
        found = key if key.isidentifier() else frame.let("key", key)
        frame.where(f"({found} in {table})")
        frame.set(name, f"{table}[{found}]")
    if node.condition is not None:
        frame.where(frame.is_true(node.condition))


def _name_of(node: Node) -> str:
    return next(iter(sorted(p.bound_aliases(node))), "row")


def _column_of(key: Expr) -> str:
    return key.name if isinstance(key, x.Column) else "key"


# --- full joins ----------------------------------------------------------------------------------------------------


def _open_full(frame: Frame, node: AnyJoin, needed: Needed) -> None:
    """Pairs, then left rows without a pair, in one list; then the right rows that no pair has used."""
    right_keys = node.right_keys if isinstance(node, p.HashJoin) else ()
    right = _listed(frame, node.right, needed | needed_by(right_keys))
    at, matched = frame.source.name("at"), frame.source.name("matched")
    joined, matches = frame.source.name("joined"), frame.source.name("matches")
    left = frame.bound(node.left)
    left_names = frame.carried(left, needed)
    numbered = f"enumerate({right.iterable})"
    condition = node.condition
    if isinstance(node, p.HashJoin):
        numbered, condition = _numbered_by_key(frame, node, right, at), node.condition
    pair = f"({at}, {tuple_of(right.names)})"
    with frame.aside() as steps:
        frame.each(f"{at}, {_unpacked(right.names)}", numbered)
        if condition is not None:
            frame.where(frame.is_true(condition))
    found = _iterable(frame, steps, pair)
    names = [*left_names, *right.names]
    absent_left, absent_right = frame.missing(left, needed), frame.missing(right.aliases, needed)
    one = tuple_of([*left_names, *(absent_right[name] for name in right.names)])
    other = tuple_of([*(absent_left[name] for name in left_names), *right.names])
    loop = f"for {at}, {_unpacked(right.names)} in"
    frame.lines += [f"{joined}, {matched} = [], set()"]
    frame.finish(
        f"{matches} = {found}",
        f"{matched}.update({at} for {at}, _ in {matches})",
        f"{joined} += [{tuple_of(names)} {loop} {matches}] or [{one}]",
    )
    frame.write(f"{joined} += [{other} {loop} enumerate({right.iterable}) if {at} not in {matched}]")
    frame.each(target_of(names), joined, listed=True)


def _unpacked(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"({', '.join(names)})" if names else "_"


def _numbered_by_key(frame: Frame, node: p.HashJoin, right: Right, at: str) -> str:
    """Print the loop that files the numbered right rows under their keys; returns what the left row finds."""
    name = frame.source.name("by_key")
    with frame.aside(before=True):
        frame.each(f"{at}, {_unpacked(right.names)}", f"enumerate({right.iterable})")
        key = _stored_key(frame, node.right_keys)
        frame.lines.append(f"{name} = defaultdict(list)")
        frame.finish(f"{name}[{key}].append(({at}, {tuple_of(right.names)}))")
    return f"{name}.get({_probe_key(frame, node.left_keys)}, ())"
