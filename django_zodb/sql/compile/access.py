"""Access paths: the rows of one table, by scan, key or index."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import InternalError
from .. import expr as x
from .. import plan as p
from ..expr import Expr, is_nullable
from .frame import NOTHING, WHOLE, Frame, Needed
from .key_sets import key_set
from .loose import whole
from .pipeline import For
from .searching import passing
from .syntax import is_variable

Lookup = p.KeyLookup | p.IndexLookup
_GREATEST_ROWID = (1 << 63) - 1


def open_access(frame: Frame, node: p.BaseAccess, needed: Needed) -> None:
    """Open a loop over the rows, or bind the only one; binds the alias. What an index knows costs no row."""
    frame.note(node)
    if is_lookup(node):
        assert isinstance(node, Lookup)
        row = open_lookup(frame, node)
        frame.where(f"({row} is not None)")
        return
    rowid = hidden_rowid(frame, node)
    guard = none_is_null(frame, nullable_keys(node))
    if guard:
        frame.where(guard)
    if isinstance(node, p.IndexLookup | p.IndexRange | p.IndexIn | p.RowidIntersection) and index_only(node, needed):
        _open_rowids(frame, node)
        return
    if rowid is not None:
        _open_with_rowid(frame, node, rowid, needed)
        return
    iterable = rows(frame, node, needed)
    frame.each(frame.bind_table(node), iterable)


def is_lookup(node: p.Node) -> bool:
    """Whether the node finds one row at most, and so opens no loop."""
    return isinstance(node, p.KeyLookup) or (isinstance(node, p.IndexLookup) and node.unique and not node.nulls)


def open_lookup(frame: Frame, node: Lookup) -> str:
    """Bind the alias to the row that a lookup finds, or to None; returns its variable."""
    keys = [node.key] if isinstance(node, p.KeyLookup) else list(node.keys)
    texts = [frame.value(key) for key in keys]
    names = [
        text if text.isidentifier() or not is_nullable(key) else frame.let("key", text)
        for text, key in zip(texts, keys, strict=True)
    ]
    nulls = [f"{name} is None" for name, key in zip(names, keys, strict=True) if is_nullable(key)]
    get = f"{frame.unit.table(node.table)}.get"
    if isinstance(node, p.KeyLookup):
        found = f"{get}({names[0]})" if _is_rowid(node.key) else "None"
        rowid = names[0]
    else:
        rowids = frame.let("rowids", _unless(nulls, _index_rowids(frame, node, names), "()"))
        rowid, nulls = f"{rowids}[0]", [f"not {rowids}"]
        found = f"{get}({rowid})"
    row = frame.bind_table(node)
    frame.set(row, _unless(nulls, found, "None"))
    if node.alias in frame.unit.rowids and node.table.rowid_column is None:
        known = rowid if is_variable(rowid) else frame.let(f"{row}_rowid", _unless(nulls, rowid, "None"))
        frame.scope[node.alias].rowid = known
    return row


def _unless(nulls: Sequence[str], text: str, otherwise: str) -> str:
    return f"({otherwise} if {' or '.join(nulls)} else {text})" if nulls else text


def hidden_rowid(frame: Frame, node: p.BaseAccess | p.Insert) -> str | None:
    """A new variable for the hidden identifier of the rows; None if that is not used, or is a column."""
    if node.alias not in frame.unit.rowids or node.table.rowid_column is not None:
        return None
    return frame.source.name(f"{frame.unit.row_name(node.alias)}_rowid")


def index_only(node: p.BaseAccess, needed: Needed) -> bool:
    """Whether the rowid is all that is needed of the rows that an index finds."""
    names = {name for alias, name in needed if alias == node.alias}
    at = node.table.rowid_column
    return names <= ({x.ROWID_COLUMN} if at is None else {x.ROWID_COLUMN, node.table.columns[at].name})


def _open_rowids(frame: Frame, node: p.BaseAccess) -> None:
    at = node.table.rowid_column
    column = x.ROWID if at is None else node.table.columns[at].name
    iterable = _rowids_sought(frame, node)
    name = frame.source.name(f"{frame.unit.row_name(node.alias)}_{column}")
    found = None
    if isinstance(node, p.IndexLookup) and len(node.keys) == 1:
        found = frame.unit.index(node.table, node.index), frame.value(node.keys[0])
    number = _number(frame, node) if iterable == rowids(frame, node) else ""
    frame.each(name, iterable, sized=not isinstance(node, p.IndexRange), found=found, number=number)
    binding = frame.bind(node.alias, node.table.positions, None, node.table)
    binding.rowid = name
    binding.columns = dict.fromkeys((x.ROWID_COLUMN, column) if at is not None else (x.ROWID_COLUMN,), name)


def _open_with_rowid(frame: Frame, node: p.BaseAccess, rowid: str, needed: Needed) -> None:
    table = frame.unit.table(node.table)
    if isinstance(node, p.Scan | p.KeyRange):
        pairs = f"{table}.items({walk(frame, node, needed)})"
        row = frame.bind_table(node)
        frame.each(f"{rowid}, {row}", pairs)
    else:
        iterable = _rowids_sought(frame, node)
        row = frame.bind_table(node)
        frame.each(rowid, iterable)
        frame.set(row, f"{table}.get({rowid})")
        if isinstance(node, p.KeyIn | p.RowidUnion):
            frame.where(f"({row} is not None)")
    frame.scope[node.alias].rowid = rowid


def open_index_groups(frame: Frame, node: p.IndexGroups, needed: Needed) -> None:
    """Loop over the keys of an index, with their numbers of rows where these are used."""
    frame.note(node)
    alias = frame.unit.row_name(node.alias)
    key, *counts = [column.name for column in node.columns]
    name = frame.source.name(f"{alias}_{key}")
    columns = {key: name}
    index = frame.unit.index(node.table, node.index)
    if any((node.alias, count) in needed for count in counts):
        number = frame.source.name(f"{alias}_count")
        columns |= dict.fromkeys(counts, number)
        frame.each(f"{name}, {number}", f"{index}.counts()")
    else:
        frame.each(name, f"{index}.keys()")
    frame.bind(node.alias, [key, *counts], None).columns = columns


def nullable_keys(node: p.BaseAccess) -> list[Expr]:
    """The keys and bounds that find nothing where they are NULL."""
    keys: Sequence[Expr | None]
    match node:
        case p.KeyRange(low=low, high=high):
            keys = (low, high)
        case p.IndexRange(prefix=prefix, low=low, high=high):
            keys = (*prefix, low, high)
        case p.IndexLookup(keys=keys, nulls=nulls):
            keys = [key for key in keys if not (nulls and isinstance(key, x.Constant))]
        case p.RowidIntersection(paths=paths):
            return [key for path in paths if isinstance(path, p.BaseAccess) for key in nullable_keys(path)]
        case _:
            keys = ()
    return [key for key in keys if key is not None and is_nullable(key)]


def none_is_null(frame: Frame, keys: Sequence[Expr]) -> str:
    """The condition that no key is NULL; empty if none can be."""
    tests = [f"{frame.atom(key, 'key')} is not None" for key in keys]
    return f"({' and '.join(tests)})" if tests else ""


def rows(frame: Frame, node: p.BaseAccess, needed: Needed) -> str:
    """Text of an iterable of the rows, with the columns that are needed; the keys are known not to be NULL."""
    table = frame.unit.table(node.table)
    match node:
        case p.KeyRange() if (known := passing(frame, node))[0]:
            return f"{table}.sought_by_key({_listed(known[0], walk(frame, node, needed), known[1])})"
        case p.IndexRange() if (known := passing(frame, node))[0]:
            columns, many = wanted_columns(node, needed), _whole(frame, node)
            return f"{table}.sought({_listed(known[0], rowids(frame, node), columns, *known[1:], many)})"
        case p.IndexLookup() | p.RowidIntersection() if _is_repeated(frame):
            return f"map({table}.get, {rowids(frame, node)})"  # a few each time
        case p.IndexRange() | p.IndexIn() | p.IndexLookup() | p.RowidIntersection():
            return f"{table}.fetch({_listed(rowids(frame, node), wanted_columns(node, needed), _whole(frame, node))})"
        case p.Scan() | p.KeyRange():
            return f"{table}.rows({walk(frame, node, needed)})"
        case p.KeyIn() | p.RowidUnion():
            return f"{table}.fetch({_listed(rowids(frame, node), wanted_columns(node, needed), 'sure=False')})"
        case _:
            return f"map({table}.get, {rowids(frame, node)})"


def _whole(frame: Frame, node: p.BaseAccess) -> str:
    """What a walk over the whole table takes, if that may come once, and not again and again."""
    return "" if _is_repeated(frame) else whole(frame, node)


def _is_repeated(frame: Frame) -> bool:
    """Whether what is opened next is looped over again and again."""
    return frame.repeated or any(isinstance(step, For) for step in frame.steps)


def _rowids_sought(frame: Frame, node: p.BaseAccess) -> str:
    """Text of the rowids of a node, of which few may be looked for."""
    found = rowids(frame, node)
    known, *options = passing(frame, node) if isinstance(node, p.IndexRange) else ("",)
    return f"{frame.unit.table(node.table)}.sought_rowids({_listed(known, found, *options)})" if known else found


def _listed(*arguments: str) -> str:
    return ", ".join(filter(None, arguments))


def page(frame: Frame, node: p.Scan | p.KeyRange, offset: str, limit: str) -> str:
    """Text of a list of ``limit`` rows after the first ``offset``."""
    return f"{frame.unit.table(node.table)}.page({', '.join(filter(None, (offset, limit, _key_bounds(frame, node))))})"


def index_page(frame: Frame, node: p.IndexRange, offset: str, stop: str) -> str:
    """Text of an iterable of the rows from one position up to another; none is read for those before."""
    return f"map({frame.unit.table(node.table)}.get, islice({rowids(frame, node)}, {offset}, {stop}))"


def rowids(frame: Frame, node: p.BaseAccess) -> str:
    """Text of an iterable of the rowids; the keys are known not to be NULL."""
    match node:
        case p.KeyIn(keys=keys):
            return f"sorted({key_set(frame, [key for key in keys if _is_rowid(key)])})"
        case p.IndexLookup(keys=keys):
            return _index_rowids(frame, node, [frame.value(key) for key in keys])
        case p.IndexRange():
            return _index_range(frame, node)
        case p.IndexIn(index=index, keys=keys):
            return f"rowids_in({frame.unit.index(node.table, index)}, {key_set(frame, keys)})"
        case p.RowidUnion(paths=paths):
            return f"sorted({{{', '.join(_of_path(frame, path) for path in paths)}}})"
        case p.RowidIntersection(paths=paths):
            first, *others = [rowids(frame, path) for path in paths if isinstance(path, p.BaseAccess)]
            return f"sorted(set({first}).intersection({', '.join(others)}))"
        case p.Scan() | p.KeyRange():
            items = f"{frame.unit.table(node.table)}.items({walk(frame, node, NOTHING)})"
            # a comprehension allows no assignment there: a bound that is a subquery, or another that may be NULL
            return f"map(itemgetter(0), {items})" if ":=" in items else f"[rowid for rowid, _ in {items}]"
        case _:
            return f"({frame.value(node.key)},)"


def _of_path(frame: Frame, path: p.Node) -> str:
    if not isinstance(path, p.BaseAccess):
        raise InternalError(f"{type(path).__name__} is no access path of a RowidUnion")
    keys = [path.key] if isinstance(path, p.KeyLookup) and is_nullable(path.key) else nullable_keys(path)
    if isinstance(path, p.KeyLookup) and not _is_rowid(path.key):
        return "*()"
    found = rowids(frame, path)
    if not keys:
        return frame.value(path.key) if isinstance(path, p.KeyLookup) else f"*{found}"
    tests = [f"{frame.value(key)} is not None" for key in keys]
    return f"*({found} if {' and '.join(tests)} else ())"


def _is_rowid(key: Expr) -> bool:
    """False for a constant that no rowid can be."""
    return not isinstance(key, x.Constant) or (
        isinstance(key.value, int) and -_GREATEST_ROWID <= key.value <= _GREATEST_ROWID
    )


def _index_rowids(frame: Frame, node: p.IndexLookup, texts: Sequence[str]) -> str:
    return f"{frame.unit.index(node.table, node.index)}.lookup({', '.join(texts)})"


def _index_range(frame: Frame, node: p.IndexRange) -> str:
    found = _of_range(frame, node, "range", (*_FLAGS, "reverse", "ties_reversed"))
    return f"ascending({found})" if node.by_rowid else found


def _of_range(frame: Frame, node: p.IndexRange, method: str, flags: Sequence[str]) -> str:
    prefix = [frame.value(key) for key in node.prefix]
    arguments = [f"({', '.join(prefix)},)"] if prefix else []
    arguments += _bounds(frame, node, flags)
    return f"{frame.unit.index(node.table, node.index)}.{method}({', '.join(arguments)})"


def _number(frame: Frame, node: p.BaseAccess) -> str:
    """Text of the number of rowids, where that is told in less time than they are listed; else empty."""
    match node:
        case p.IndexRange():
            return _of_range(frame, node, "size", _FLAGS)
        case p.IndexIn(index=index, keys=keys):
            return f"sum({frame.unit.index(node.table, index)}.sizes({key_set(frame, keys)}))"
    return ""


def postings(frame: Frame, node: p.IndexRange) -> str:
    """Text of an iterable of the rowids of each key, ascending."""
    return (
        f"{frame.unit.index(node.table, node.index)}.postings({', '.join(_bounds(frame, node, (*_FLAGS, 'reverse')))})"
    )


_FLAGS = ("low_open", "high_open", "nulls")


def _bounds(frame: Frame, node: p.IndexRange, flags: Sequence[str]) -> list[str]:
    ends = [(name, end) for name, end in (("low", node.low), ("high", node.high)) if end is not None]
    return [f"{name}={frame.value(end)}" for name, end in ends] + [f"{f}=True" for f in flags if getattr(node, f)]


def walk(frame: Frame, node: p.Scan | p.KeyRange, needed: Needed) -> str:
    """The arguments of a walk over rows: bounds, the columns that are looked at, if these are not all, and a sieve."""
    arguments = [_key_bounds(frame, node), wanted_columns(node, needed)]
    if isinstance(node, p.Scan) and (sieve := frame.unit.sieve(node)):
        arguments.append(f"sieve={sieve}")
    return ", ".join(filter(None, arguments))


def wanted_columns(node: p.BaseAccess, needed: Needed) -> str:
    """The argument that says which columns are looked at; empty if these are all."""
    names = {name for alias, name in needed if alias == node.alias}
    places = {at for name, at in node.table.positions.items() if name in names}
    if x.ROWID_COLUMN in names and node.table.rowid_column is not None:
        places.add(node.table.rowid_column)
    if WHOLE in names or len(places) == len(node.table.columns):
        return ""
    return f"columns=({', '.join(map(str, sorted(places)))}{',' if len(places) == 1 else ''})"


def _key_bounds(frame: Frame, node: p.Scan | p.KeyRange) -> str:
    if isinstance(node, p.Scan):
        return ""
    low = "" if node.low is None else frame.value(node.low) + (" + 1" if node.low_open else "")
    high = "" if node.high is None else frame.value(node.high) + (" - 1" if node.high_open else "")
    arguments = [low or "None", high] if high else [low] if low else []
    return ", ".join(arguments + (["reverse=True"] if node.reverse else []))
