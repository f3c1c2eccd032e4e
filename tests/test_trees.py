"""Nodes with one leaf that has no record of its own, as deletes leave them in the transaction that made the leaf."""

from __future__ import annotations

from typing import Any

import pytest

from django_zodb.storage import trees
from django_zodb.storage.persistent import IndexTree


class SmallTree(IndexTree):
    max_leaf_size = 4
    max_internal_size = 4


SmallTree._bucket_type = IndexTree._bucket_type  # type: ignore[attr-defined]


@pytest.fixture
def tree() -> Any:
    """Of 100 keys, of which the second lowest node has kept those of one leaf."""
    tree = SmallTree()
    for key in range(100):
        tree[key] = key
    return tree


def lonely(tree: Any) -> tuple[Any, list[int]]:
    """The second lowest node, when all its leaves but one are gone; and the keys left in it."""
    node = list(trees.lowest_nodes(tree, lambda oid: False))[1]
    first, *others = trees.leaves_below(node)
    for key in [key for leaf in others for key in leaf]:
        del tree[key]
    assert trees._children(node) is None
    return node, list(first.keys())


def test_its_size_is_that_of_its_leaf(tree: Any) -> None:
    node, keys = lonely(tree)
    assert trees.sizes_of((node,)) == [len(keys)]
    values = list(tree.values())
    for offset in range(len(values)):
        assert trees.page_of(tree, offset, 3) == values[offset : offset + 3]


def test_its_last_key_is_deleted_by_the_tree(tree: Any) -> None:
    _, keys = lonely(tree)
    rest = [key for key in tree if key not in keys]
    trees.delete_keys(tree, keys)
    assert list(tree.keys()) == rest
    tree._check()
    trees.delete_keys(tree, rest)
    assert not tree
