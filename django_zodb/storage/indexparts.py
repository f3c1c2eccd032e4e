"""The buckets of a saved index, read as they are asked for: a page or two of one for an object, or all of it.

A bucket is ``fsBucket.toString()``: up to 65,536 suffixes of oids, two bytes each, ascending, and behind them the six
bytes of each one's position: half a MB, which takes a millisecond to read. Of a file of many GB there are hundreds, and
a process that reads little looks at a few objects in some.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Lock
from typing import Any
from zlib import crc32

from BTrees.OOBTree import OOBTree
from ZODB.fsIndex import fsBucket, fsIndex

from .files import Handle, read_all

SUM_LEN = 4
PAGE = 4096
"""A checksum is one of so many bytes of a bucket."""

_KEY, _VALUE = 2, 6
_KEYS = PAGE // _KEY
_MOST_LOOKS = 64
"""A bucket that is asked for more objects is read: from then on that costs less."""


class Damaged(Exception):
    """What was read is not what was saved."""


class Unread:
    """A bucket in the file: where it is, and the checksums of its pages; none if it was saved by FileStorage."""

    def __init__(self, handle: Handle, at: int, length: int, sums: bytes) -> None:
        self._handle = handle
        self._at = at
        self._length = length
        self._sums = sums
        self._pages: dict[int, bytes] = {}
        self._looks = 0
        self._entered: dict[bytes, bytes] | fsBucket = {}
        self.lock = Lock()

    def __len__(self) -> int:
        """How many objects it tells of, as it was saved."""
        return self._length // (_KEY + _VALUE)

    def find(self, suffix: bytes) -> bytes | None:
        """The position of an object, from the pages that tell it; Damaged if one is."""
        self._looks += 1
        entered = self._entered.get(suffix)
        if entered is not None:
            return entered
        count = len(self)
        at = self._place(suffix, count) if count else None
        return None if at is None else self._bytes(count * _KEY + at * _VALUE, _VALUE)

    def __setitem__(self, suffix: bytes, position: bytes) -> None:
        """Enter where an object is from now on; also in the bucket, if it has been read meanwhile."""
        self._looks += 1
        with self.lock:
            self._entered[suffix] = position

    def _place(self, suffix: bytes, count: int) -> int | None:
        """Which of the ``count`` suffixes it is; None if it is none of them."""
        number = int.from_bytes(suffix, "big")
        # Below it are at most so many, and at least so many less those that the bucket lacks.
        low, high = max(0, number - 65_536 + count), min(number, count - 1)
        first, last = low // _KEYS, high // _KEYS
        middle = last  # where it is if none below it is lacking, as mostly
        while first < last:
            first, last = (middle, last) if self._page(middle)[:_KEY] <= suffix else (first, middle - 1)
            middle = (first + last + 1) // 2
        page, end = self._page(first), count * _KEY - first * PAGE
        at = page.find(suffix, 0, end)
        while at > 0 and at % _KEY:  # the halves of two others
            at = page.find(suffix, at + 1, end)
        return None if at < 0 else first * _KEYS + at // _KEY

    def _bytes(self, start: int, length: int) -> bytes:
        """Some bytes of the bucket, in one page or two."""
        number, begin = divmod(start, PAGE)
        found = self._page(number)[begin : begin + length]
        return found if len(found) == length else found + self._page(number + 1)[: length - len(found)]

    def _page(self, number: int) -> bytes:
        page = self._pages.get(number)
        if page is None:
            at = number * PAGE
            page = read_all(self._handle.fd, self._at + at, min(PAGE, self._length - at))
            if sum_of(page) != self._sums[number * SUM_LEN : (number + 1) * SUM_LEN]:
                raise Damaged
            self._pages[number] = page
        return page

    @property
    def in_pages(self) -> bool:
        """Whether it is still to be asked for a few objects: then pages can tell."""
        return self.is_little_used and bool(self._sums)

    @property
    def is_little_used(self) -> bool:
        """Whether it was asked for few objects, and given few."""
        return self._looks < _MOST_LOOKS

    def whole(self) -> fsBucket:
        """All of it; Damaged if it is."""
        data = read_all(self._handle.fd, self._at, self._length)
        if len(data) < self._length or (self._sums and sums_of(data) != self._sums):
            raise Damaged
        return self.replaced(fsBucket().fromString(data))

    def replaced(self, saved: fsBucket) -> fsBucket:
        """What was saved, with what has been entered since, and will be by who has this one. With the lock."""
        saved.update(self._entered)
        self._entered = saved
        return saved


class Parts:
    """The buckets of an ``fsIndex`` by the first six bytes of oids.

    If one is not as it was written, all that are unread are taken from what ``rebuild`` makes of the data file.
    """

    def __init__(self, parts: Mapping[bytes, Unread], rebuild: Callable[[], fsIndex]) -> None:
        self._rebuild = rebuild
        self._lock = Lock()
        self._tree = OOBTree(parts)
        for part in parts.values():
            part.lock = self._lock
        self.minKey = self._tree.minKey
        self.maxKey = self._tree.maxKey
        self.clear = self._tree.clear

    def size(self) -> int:
        """How many objects there are, but for a few that are new; no bucket is read of which little was asked."""
        parts = list(self._tree.items())  # at once: who commits may add to them meanwhile
        much = [prefix for prefix, part in parts if type(part) is Unread and not part.is_little_used]
        return sum(len(self[prefix] if prefix in much else part) for prefix, part in parts)

    def find(self, prefix: bytes, suffix: bytes) -> bytes | None:
        """The six bytes of an object's position; None if there is no such object."""
        found = self._tree.get(prefix)
        if type(found) is Unread:
            if found.in_pages:
                with suppress(Damaged):
                    return found.find(suffix)
            found = self._read(prefix)
        return None if found is None else found.get(suffix)

    def to_enter(self, prefix: bytes) -> Unread | fsBucket | None:
        """Where to enter positions: nothing is read for a few."""
        found = self._tree.get(prefix)
        return found if type(found) is Unread and found.in_pages else self.get(prefix)

    def get(self, prefix: bytes, default: Any = None) -> Any:
        """The bucket, as of any tree: whoever asks may look at all of it, or change it."""
        found = self._tree.get(prefix, default)
        return self._read(prefix) if type(found) is Unread else found

    def _read(self, prefix: bytes) -> fsBucket:
        with self._lock:  # or the changes of who reads it first would be lost
            found = self._tree[prefix]
            if type(found) is Unread:
                try:
                    self._tree[prefix] = found.whole()
                except Damaged:
                    self._replace_unread()
            return self._tree[prefix]

    def _replace_unread(self) -> None:
        right = self._rebuild()._data
        for prefix, found in list(self._tree.items()):
            if type(found) is Unread:
                self._tree[prefix] = found.replaced(right.get(prefix) or fsBucket())

    def __getitem__(self, prefix: bytes) -> fsBucket:
        found = self.get(prefix)
        if found is None:
            raise KeyError(prefix)
        return found

    def __setitem__(self, prefix: bytes, found: fsBucket) -> None:
        self._tree[prefix] = found

    def __delitem__(self, prefix: bytes) -> None:
        del self._tree[prefix]

    def items(self) -> list[tuple[bytes, fsBucket]]:
        """Prefixes and buckets; all are read."""
        return [(prefix, self[prefix]) for prefix in self._tree]

    def values(self) -> list[fsBucket]:
        """The buckets; all are read."""
        return [self[prefix] for prefix in self._tree]


def pages_of(length: int) -> int:
    """How many checksums a bucket of so many bytes has."""
    return -(-length // PAGE)


def sums_of(bucket: bytes) -> bytes:
    """The checksums of its pages."""
    return b"".join(sum_of(bucket[at : at + PAGE]) for at in range(0, len(bucket), PAGE))


def sum_of(data: bytes) -> bytes:
    """The checksum of some bytes."""
    return crc32(data).to_bytes(SUM_LEN, "little")
