"""Object ids that no two processes give to different objects, though nobody asks anybody."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from weakref import ref

from ZODB.fsIndex import fsIndex
from ZODB.utils import p64, u64

_FIRST_OF_BLOCKS = 1 << 62
_BLOCK_BITS = 16
_RANDOM_BITS = 46


def highest(index: fsIndex) -> int:
    """The highest id in the index that was given in a commit; 0 if there is none."""
    try:
        return u64(index.maxKey(p64(_FIRST_OF_BLOCKS - 1)))  # type: ignore[no-any-return]
    except ValueError:
        return 0


class Oids:
    """The ids of one storage of a process. Those given in a commit follow each other, so they stay small.

    What needs an id before has it from a block that the process has chosen at random above all those. Two processes do
    not choose the same of 2 ** 46 blocks; and if they did, the second one's commit would be refused.
    """

    def __init__(self) -> None:
        self._highest = 0
        self._known: tuple[ref[fsIndex] | None, int] = None, 0  # who holds an index holds the file that it is of
        self._next = self._end = 0

    def following(self, index: fsIndex, position: int, floor: Callable[[], int]) -> bytes:
        """With the commit lock: the next id after all in the index, which reaches that position of the file.

        And after ``floor``: of what was packed away, other processes may still have objects in their caches.
        """
        known, known_at = self._known
        if known is None or known() is not index or known_at != position:
            self._known = ref(index), position
            self._highest = max(self._highest, highest(index), floor())
        self._highest += 1
        return p64(self._highest)  # type: ignore[no-any-return]

    def early(self) -> bytes:
        """Without the commit lock: an id of this process's block."""
        if self._next == self._end:
            self._next = _FIRST_OF_BLOCKS + (secrets.randbits(_RANDOM_BITS) << _BLOCK_BITS)
            self._end = self._next + (1 << _BLOCK_BITS)
        self._next += 1
        return p64(self._next - 1)  # type: ignore[no-any-return]
