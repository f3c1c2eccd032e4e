"""What BTrees do not offer: walking backwards, finding the record of a key, estimating sizes.

A BTree tells its ``shape``, BTrees' own state of it: None if it is empty; ``((state of its only leaf,),)`` where that
leaf is stored in the tree's own record; else ``((child, key, child, key, … child), first leaf)``. A node takes a
microsecond or two; everything here reads one node per level, and leaves only as they are needed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from itertools import chain, compress, cycle
from typing import Any, TypeVar

from .keys import Bounds

T = TypeVar("T")
Tree = Any
Leaf = Any

UNBOUNDED = Bounds(None, None)
_SIMPLE = frozenset((int, tuple))
"""The classes of what leaves hold, rows or postings, that is no tree."""


_FIRST, _THEN = (1, 0, 1, 0, 1, 0, 1, 0, 1), (0, 1, 0, 1, 0, 1, 0, 1, 0)


def every_second_first(ascending: Sequence[T]) -> tuple[Sequence[T], Sequence[T]]:
    """New keys, or items, in two parts: put into a tree one after the other, they fill nine tenths of its leaves.

    BTrees split a leaf that overflows in the middle, and keys that come in order never return to its first half. The
    second part finds room between what the first has spread out; and single keys that come later find some, too.
    """
    return list(compress(ascending, cycle(_FIRST))), list(compress(ascending, cycle(_THEN)))


def _children(node: Tree) -> tuple[Sequence[Any], Sequence[Any]] | None:
    """A node's children and the keys that separate them; None if it has no leaf with a record of its own."""
    state = node.shape()
    if state is None or len(state) == 1:
        return None
    return state[0][::2], state[0][1::2]


def _siblings(node: Tree) -> Iterator[Sequence[Leaf]]:
    """All leaves in order, those of one node at a time."""
    inside = _children(node)
    if inside is None:
        yield (node,)  # a tree of one leaf answers as the leaf would
    elif type(inside[0][0]) is type(node):
        for child in inside[0]:
            yield from _siblings(child)
    else:
        yield inside[0]


def sizes_of(leaves: Sequence[Leaf]) -> list[int]:
    """How many keys each of them has.

    A node that answers as its only leaf would tells its length as that of all leaves from there to the end of the tree.
    """
    if len(leaves) == 1 and hasattr(leaves[0], "shape"):
        return [len(leaves[0].keys())]
    # Of a ghost that cannot be loaded BTrees gives a length, and the error besides: what Python makes of that says
    # nothing. To ask first whether each is loaded would take five times as long.
    with suppress(SystemError):
        return list(map(len, leaves))
    for leaf in leaves:
        leaf._p_activate()
    return list(map(len, leaves))


def page_of(tree: Tree, offset: int, limit: int) -> list[Any]:
    """``limit`` values after the first ``offset``. Reads each leaf up to there once.

    A slice of ``tree.values()`` reads all leaves to count them, and half of them again, twice.
    """
    found: list[Any] = []
    for leaves in _siblings(tree):
        size = sum(sizes_of(leaves))
        if offset >= size:
            offset -= size
            continue
        for leaf in leaves:
            values = leaf.values()
            found += values[offset : offset + limit - len(found)]
            if len(found) >= limit:
                return found
            offset = max(offset - len(values), 0)
    return found


def leaves_within(node: Tree, bounds: Bounds = UNBOUNDED, reverse: bool = False) -> Iterator[Leaf]:
    """The leaves to which keys within ``bounds`` belong, in order or from the last to the first; reads nodes only."""
    return chain.from_iterable(leaves for _, leaves in siblings_within(node, bounds, reverse))


def siblings_within(
    node: Tree, bounds: Bounds = UNBOUNDED, reverse: bool = False
) -> Iterator[tuple[Tree, Sequence[Leaf]]]:
    """The same leaves, those of one node at a time, and that node."""
    inside = _children(node)
    if inside is None:
        yield node, (node,)  # a tree of one leaf answers as the leaf would
        return
    children, separators = inside
    first = 0 if bounds.low is None else bisect_right(separators, bounds.low)
    last = len(separators) if bounds.high is None else bisect_right(separators, bounds.high)
    found = children[first : last + 1]
    if reverse:
        found = found[::-1]
    if type(children[0]) is not type(node):
        yield node, found
        return
    for child in found:
        yield from siblings_within(child, bounds, reverse)


def lowest_nodes(node: Tree, is_one: Callable[[bytes], bool]) -> Iterator[Tree]:
    """The nodes right above the leaves, in order; a tree of one leaf is its own.

    Where ``is_one`` knows by a child's oid that it is such a node, it is not read.
    """
    inside = _children(node)
    if inside is None or type(inside[0][0]) is not type(node):
        yield node
        return
    for child in inside[0]:
        if is_one(child._p_oid):
            yield child
        else:
            yield from lowest_nodes(child, is_one)


def leaves_below(node: Tree) -> Sequence[Leaf]:
    """The leaves right below such a node."""
    inside = _children(node)
    return (node,) if inside is None else inside[0]


def some_leaves(tree: Tree, most: int = 8) -> list[Leaf]:
    """Leaves from all over the tree; the tree itself, if it has none."""
    inside = _children(tree)
    if inside is None:
        return [tree]
    children, _ = inside
    chosen = children[:: -(-len(children) // most)]
    if type(children[0]) is not type(tree):
        return list(chosen)
    return [leaf for child in chosen for leaf in some_leaves(child, 1)]


def _leaves_backwards(node: Tree, high: Any) -> Iterator[Leaf]:
    """Leaves from the one where ``high`` (None: the end) belongs down to the first; all of their keys, too."""
    inside = _children(node)
    if inside is None:
        yield node  # a tree of one leaf answers as the leaf would
        return
    children, separators = inside
    last = len(separators) if high is None else bisect_right(separators, high)
    for at in range(last, -1, -1):
        child = children[at]
        if type(child) is type(node):
            yield from _leaves_backwards(child, high if at == last else None)
        else:
            yield child


def _blocks_backwards(tree: Tree, method: str, bounds: Bounds) -> Iterator[Iterator[Any]]:
    low = bounds.low
    for leaf in _leaves_backwards(tree, bounds.high):
        yield reversed(list(getattr(leaf, method)(*bounds)))
        if low is not None and len(leaf.keys(None, low, False, not bounds.low_open)):
            return


def keys_backwards(tree: Tree, bounds: Bounds = UNBOUNDED) -> Iterator[Any]:
    """The keys within ``bounds``, from the last to the first; lazy, a leaf at a time."""
    return chain.from_iterable(_blocks_backwards(tree, "keys", bounds))


def values_backwards(tree: Tree, bounds: Bounds = UNBOUNDED) -> Iterator[Any]:
    """The values of the keys within ``bounds``, from the last to the first; lazy, a leaf at a time."""
    return chain.from_iterable(_blocks_backwards(tree, "values", bounds))


def items_backwards(tree: Tree, bounds: Bounds = UNBOUNDED) -> Iterator[tuple[Any, Any]]:
    """``(key, value)`` pairs, otherwise as ``values_backwards``."""
    return chain.from_iterable(_blocks_backwards(tree, "items", bounds))


def bucket_oid(tree: Tree, key: Any) -> bytes | None:
    """The oid of the record that holds ``key``, or would hold it; None if that record has not been stored yet.

    A leaf that takes in a key, loses one, splits or goes away is written. So a transaction that has found a key, or
    missed it, can rely on what it saw as long as this record stays the same.
    """
    node = tree
    while (inside := _children(node)) is not None:
        children, separators = inside
        child = children[0 if key is None else bisect_right(separators, key)]
        if type(child) is not type(tree):
            node = child
            break
        node = child
    oid: bytes | None = node._p_oid
    return oid


def leaf_oids(tree: Tree, bounds: Bounds = UNBOUNDED) -> Iterator[bytes]:
    """The oids of every record that holds, or would hold, a key within ``bounds``; none is read for it but nodes."""
    inside = _children(tree)
    if inside is None:
        if tree._p_oid is not None:
            yield tree._p_oid
        return
    children, separators = inside
    first = 0 if bounds.low is None else bisect_right(separators, bounds.low)
    last = len(separators) if bounds.high is None else bisect_right(separators, bounds.high)
    for child in children[first : last + 1]:
        if type(child) is type(tree):
            yield from leaf_oids(child, bounds)
        elif child._p_oid is not None:
            yield child._p_oid


def changed_parts(tree: Tree, changed: Collection[bytes], bounds: Bounds = UNBOUNDED) -> Iterator[Bounds]:
    """The parts of ``bounds`` that belong to leaves whose records are among ``changed``; reads nodes, not leaves."""
    inside = _children(tree)
    if inside is None:
        if tree._p_oid in changed:
            yield bounds
        return
    children, separators = inside
    first = 0 if bounds.low is None else bisect_right(separators, bounds.low)
    last = len(separators) if bounds.high is None else bisect_right(separators, bounds.high)
    for at in range(first, last + 1):
        part = bounds
        if at > first:
            part = part._replace(low=separators[at - 1], low_open=False)
        if at < last:
            part = part._replace(high=separators[at], high_open=True)
        if type(children[at]) is type(tree):
            yield from changed_parts(children[at], changed, part)
        elif children[at]._p_oid in changed:
            yield part


def key_oids(tree: Tree, keys: Sequence[Any]) -> Iterator[bytes]:
    """``bucket_oid`` of each of ``keys``, which ascend and are not None; reads every node once for all of them."""
    inside = _children(tree)
    if inside is None:
        if tree._p_oid is not None:
            yield tree._p_oid
        return
    children, separators = inside
    start = 0
    while start < len(keys):
        at = bisect_right(separators, keys[start])
        end = len(keys) if at == len(separators) else bisect_left(keys, separators[at], start)
        child = children[at]
        if type(child) is type(tree):
            yield from key_oids(child, keys[start:end])
        elif child._p_oid is not None:
            yield child._p_oid
        start = end


def keys_by_leaf(node: Tree, keys: Sequence[Any], start: int, end: int) -> Iterator[tuple[Leaf, int, int]]:
    """The leaves to which ``keys[start:end]`` belong, which ascend and are not None, and which of them."""
    inside = _children(node)
    if inside is None:
        yield node, start, end  # a tree of one leaf answers as the leaf would
        return
    children, separators = inside
    while start < end:
        at = bisect_right(separators, keys[start])
        stop = end if at == len(separators) else bisect_left(keys, separators[at], start, end)
        if type(children[at]) is type(node):
            yield from keys_by_leaf(children[at], keys, start, stop)
        else:
            yield children[at], start, stop
        start = stop


def keys_by_lowest_node(node: Tree, keys: Sequence[Any], start: int, end: int) -> Iterator[tuple[Tree, int, int]]:
    """The nodes right above the leaves to which ``keys[start:end]`` belong, which ascend, and which of them.

    A tree of one leaf is its own.
    """
    inside = _children(node)
    if inside is None or type(inside[0][0]) is not type(node):
        yield node, start, end
        return
    children, separators = inside
    while start < end:
        at = bisect_right(separators, keys[start])
        stop = end if at == len(separators) else bisect_left(keys, separators[at], start, end)
        yield from keys_by_lowest_node(children[at], keys, start, stop)
        start = stop


def delete_keys(tree: Tree, ascending: Sequence[Any]) -> None:
    """``del tree[key]`` of each key, which ascend and are not None: in less time where comparing them takes long."""
    for leaf, start, end in list(keys_by_leaf(tree, ascending, 0, len(ascending))) if ascending else ():
        last = end - (end - start >= sizes_of((leaf,))[0])  # what empties a leaf is for the tree to do
        deque(map(leaf.__delitem__, ascending[start:last]), maxlen=0)
        if last < end:
            del tree[ascending[last]]


def delete_key(tree: Tree, key: Any) -> None:
    """``del tree[key]``, which is not None, so that the first key of a leaf goes like any other.

    BTrees would put the new first key into the node above the leaf and write that, too; the old key separates as well.
    """
    node = tree
    while (inside := _children(node)) is not None:
        children, separators = inside
        node = children[bisect_right(separators, key)]
        if type(node) is not type(tree):
            if len(node) > 1:
                del node[key]
                return
            break
    del tree[key]


def check_links(tree: Tree) -> None:
    """BTrees' own check of how nodes and leaves are linked; AssertionError if that is wrong.

    It compares objects. So each is held: what the cache lets go of would be another one when it is loaded again.
    """
    held = list(_parts(tree))
    tree._check()
    held.clear()


def _parts(node: Tree) -> Iterator[Tree | Leaf]:
    yield node
    inside = _children(node)
    for child in inside[0] if inside is not None else ():
        if type(child) is type(node):
            yield from _parts(child)
        else:
            yield child


def empty(tree: Tree) -> None:
    """``tree.clear()``, after which every leaf is to be written: whoever relies on one, or changes it, is in conflict.

    So are those of the trees that an index holds as postings. Whatever interrupts it, the tree is whole or empty: what
    leaves hold is dropped when they are the tree's no more.
    """
    leaves = list(chain.from_iterable(_siblings(tree)))
    postings: list[Tree] = []
    for leaf in leaves:
        leaf._p_activate()
        leaf._p_changed = True
        if hasattr(leaf, "values") and not _SIMPLE.issuperset(map(type, leaf.values())):
            postings += (held for held in leaf.values() if type(held) not in _SIMPLE)
    tree.clear()
    for leaf in leaves:
        leaf.clear()
    for held in postings:
        empty(held)


def estimated_len(tree: Tree) -> int:
    """About how many keys the tree has: the product of what a few nodes hold; exact for a tree of one leaf."""
    inside = _children(tree)
    if inside is None:
        return sizes_of((tree,))[0]
    children, _ = inside
    samples = [children[len(children) * at // 4] for at in range(4)] if len(children) > 4 else list(children)
    held = list(map(estimated_len, samples)) if type(samples[0]) is type(tree) else sizes_of(samples)
    return round(sum(held) / len(samples) * len(children))


def _fraction_below(tree: Tree, key: Any) -> float:
    """About which part of the tree's keys precede ``key``."""
    inside = _children(tree)
    if inside is None:
        return len(tree.keys(None, key, False, True)) / max(sizes_of((tree,))[0], 1)
    children, separators = inside
    at = bisect_right(separators, key)
    child = children[at]
    if type(child) is type(tree):
        part = _fraction_below(child, key)
    else:
        part = len(child.keys(None, key, False, True)) / max(len(child), 1)
    return (at + part) / len(children)


def leaf_of_range(tree: Tree, bounds: Bounds) -> Leaf | None:
    """The leaf to which both bounds belong, or None if there are several."""
    node = tree
    while (inside := _children(node)) is not None:
        children, separators = inside
        first = 0 if bounds.low is None else bisect_right(separators, bounds.low)
        last = len(separators) if bounds.high is None else bisect_right(separators, bounds.high)
        if first != last:
            return None
        node = children[first]
        if type(node) is not type(tree):
            break
    return node


def fraction_within(tree: Tree, bounds: Bounds) -> float:
    """About which part of the keys of a tree of several leaves lies within ``bounds``."""
    below = 0.0 if bounds.low is None else _fraction_below(tree, bounds.low)
    above = 1.0 if bounds.high is None else _fraction_below(tree, bounds.high)
    return above - below
