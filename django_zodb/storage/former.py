"""A data file as it was before another one took its place, for the transactions that began before.

Packing drops what no new transaction sees, and a transaction that is open meanwhile may still need. So that one goes on
reading the old file, which nobody writes any more: by the descriptor that is open, and the index of then. Such a view
is held by its readers alone: with the end of the last one's transaction it is gone, and the old file's space is free.

No reader is missed. It says first that it is in a transaction, and then takes its snapshot. Whoever replaces the file
holds the view of the old one from before anything is read from the new one until later snapshots do not need it any
more; then it is handed out to all that are in a transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from weakref import ref

from ZODB.fsIndex import fsIndex

from .files import Handle

View = tuple[Handle, fsIndex]
"""A file, and where in it the newest record of each object is."""


class FormerView:
    """The view of a file that was replaced: of the states before the transaction id ``last`` and all earlier ones."""

    def __init__(self, view: View, last: bytes) -> None:
        self.view: View | None = view
        self.last = last

    def hand_out(self, readers: Iterable[Reader]) -> None:
        """Have those hold it who need it; nobody else will."""
        for reader in readers:
            reader.keep(self)


class Reader:
    """Whoever reads one snapshot after the other, of the newest state or of that ``before`` a transaction."""

    def __init__(self, before: bytes | None = None) -> None:
        self._before = before
        self._active = False
        self._connection: Any = None
        self._former_views: set[FormerView] = set()

    @property
    def in_transaction(self) -> bool:
        """True from the first statement of a transaction until its end."""
        return self._active

    def keep(self, former: FormerView) -> None:
        """Called by any thread: hold the view, if the snapshot needs it, until the transaction ends."""
        if self._active and self._needs(former.last):
            self._former_views.add(former)
            if not self._active:  # it has ended at this very moment
                self._former_views.discard(former)

    def _needs(self, last: bytes) -> bool:
        before = self._reads_before
        if before is None:  # the snapshot is being taken
            return True
        return before <= last and not any(before <= held.last for held in tuple(self._former_views))

    @property
    def _reads_before(self) -> bytes | None:
        return self._before or getattr(getattr(self._connection, "_normal_storage", None), "_start", None)

    def _keep_needed(self) -> None:
        """Once the snapshot has been taken: hold those views only that it needs."""
        before = self._reads_before
        for former in tuple(self._former_views):
            if before is not None and before > former.last:
                self._former_views.discard(former)


class FormerViews(list[ref[FormerView]]):
    """The former views of a data file that are held by somebody, the oldest first: mostly none."""

    def add(self, view: View, last: bytes) -> FormerView:
        """A view that is looked at from now on for the states before ``last`` and earlier, as long as it is held."""
        former = FormerView(view, last)
        self.append(ref(former, self._forget))
        return former

    def _forget(self, reference: ref[FormerView]) -> None:
        with suppress(ValueError):  # all were let go of
            self.remove(reference)

    def before(self, tid: bytes) -> View | None:
        """The view of the state before ``tid``; None if nobody holds one: then the present file's will do."""
        for reference in tuple(self):  # others may end their transactions meanwhile
            former = reference()
            if former is not None and tid <= former.last:
                return former.view
        return None

    def let_go(self) -> list[Handle]:
        """Forget all views, whoever holds them; their files, which are closed as soon as nobody reads them."""
        formers = [former for reference in tuple(self) if (former := reference()) is not None]
        self.clear()
        handles = []
        for former in formers:
            view, former.view = former.view, None
            if view is not None:
                handles.append(view[0])
        return handles
