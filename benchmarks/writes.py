"""What writes. What a round adds is taken away afterwards, untimed, so that every round meets the same table."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import models, transaction

from . import data
from .models import Author, Book

MANY = 10_000
_choose = random.Random(7)


def _nothing() -> None:
    pass


@dataclass(slots=True)
class Write:
    """A workload with what goes before and after it, which is not timed."""

    run: Callable[[], object]
    before: Callable[[], object] = _nothing
    after: Callable[[], object] = _nothing
    __name__: str = field(init=False)

    def __post_init__(self) -> None:
        self.__name__ = self.run.__name__


_made: list[Any] = []


def _remove_added() -> None:
    _made.clear()
    Book.objects.filter(pk__gt=data.ROWS).delete()


def _add_50() -> None:
    _made[:] = Book.objects.bulk_create([data.book(i, _choose) for i in range(50)])


def _add_many() -> None:
    _made[:] = Book.objects.bulk_create([data.book(i, _choose) for i in range(MANY)])


def _unsaved_many() -> None:
    _made[:] = [data.book(i, _choose) for i in range(MANY)]


# --- one row, one durable transaction ------------------------------------------------------------------------------


def create() -> object:
    """50 creates, each its own transaction."""
    for _ in range(50):
        data.book(0, _choose).save()
    return None


def save() -> object:
    """50 saves of all columns of rows just read, each its own transaction."""
    for i in range(50):
        book = Book.objects.get(pk=i + 1)
        book.title = f"Book {_choose.randrange(10**6):06}"
        book.save()
    return None


def update_one() -> object:
    """50 updates of one column of one row, each its own transaction."""
    return [Book.objects.filter(pk=i + 1).update(pages=models.F("pages")) for i in range(50)]


def delete_one() -> object:
    """50 deletes of instances, each its own transaction."""
    for book in _made:
        book.delete()
    return None


def get_or_create() -> object:
    """50 times a row that is there, and 20 that are not."""
    found = [Author.objects.get_or_create(name=f"Author {i * 7 % data.authors():06}")[1] for i in range(50)]
    made = [Author.objects.get_or_create(name=f"New {i}")[1] for i in range(20)]
    return found, made


def _remove_authors() -> None:
    Author.objects.filter(name__startswith="New").delete()


def update_or_create() -> object:
    """30 rows that are there."""
    for i in range(30):
        Book.objects.update_or_create(pk=i + 1, defaults={"in_print": i % 2 == 0})
    return None


def set_tags() -> object:
    """The tags of 30 books set, and set back."""
    for i in range(30):
        book = Book.objects.get(pk=i + 1)
        tags = [tag.pk for tag in book.tags.all()]
        book.tags.set([1, 2, 3])
        book.tags.set(tags)
    return None


# --- many rows -----------------------------------------------------------------------------------------------------


def creates_in_one_transaction() -> object:
    """1,000 creates in one transaction."""
    with transaction.atomic():
        for i in range(1000):
            data.book(i, _choose).save()
    return None


def bulk_create() -> object:
    """10,000 rows by bulk_create."""
    return len(Book.objects.bulk_create(_made))


def bulk_update() -> object:
    """One column of 1,000 rows by bulk_update."""
    books = list(Book.objects.order_by("pk")[:1000])
    for book in books:
        book.in_print = not book.in_print
    return Book.objects.bulk_update(books, ["in_print"], batch_size=250)


def update_many() -> object:
    """One UPDATE of 10,000 rows, of an indexed column that stays as it is."""
    return Book.objects.filter(pk__lte=MANY).update(pages=models.F("pages"))


def update_indexed() -> object:
    """One UPDATE of 10,000 rows, of an indexed column."""
    return Book.objects.filter(pk__lte=MANY).update(pages=1550 - models.F("pages"))


def update_unindexed() -> object:
    """One UPDATE of 10,000 rows, of two columns without an index."""
    return Book.objects.filter(pk__lte=MANY).update(in_print=True, price=models.F("price") + 1)


def delete_links() -> object:
    """One DELETE of the links of 5,000 books to their tags, about 10,000."""
    return Book.tags.through.objects.filter(book_id__lte=MANY // 2).delete()[0]


def delete_many() -> object:
    """10,000 rows deleted, with whatever refers to them."""
    return Book.objects.filter(pk__gt=data.ROWS).delete()[0]


_links: list[Any] = []


def _note_links() -> None:
    _links[:] = list(Book.tags.through.objects.filter(book_id__lte=MANY // 2))


def _restore_links() -> None:
    Book.tags.through.objects.bulk_create(_links)


WRITES: dict[str, tuple[float, tuple[Callable[[], object] | Write, ...]]] = {
    "one row, durable": (
        0.65,
        (
            Write(create, after=_remove_added),
            save,
            update_one,
            Write(delete_one, before=_add_50),
            Write(get_or_create, after=_remove_authors),
            update_or_create,
            set_tags,
        ),
    ),
    "many rows": (
        1.2,
        (
            Write(creates_in_one_transaction, after=_remove_added),
            Write(bulk_create, before=_unsaved_many, after=_remove_added),
            bulk_update,
        ),
    ),
    "update of 10,000": (6.0, (update_many, update_indexed, update_unindexed)),
    "delete of 10,000": (
        3.0,
        (Write(delete_many, before=_add_many), Write(delete_links, before=_note_links, after=_restore_links)),
    ),
}
