"""What writes: each leaves the number of rows as it was, so that every round meets the same table."""

from __future__ import annotations

import random

from django.db import models, transaction

from . import data
from .models import Author, Book

_choose = random.Random(7)


def create() -> object:
    """50 creates and deletes, each its own transaction."""
    for _ in range(50):
        book = data.book(0, _choose)
        book.save()
        book.delete()
    return None


def save() -> object:
    """50 saves of existing rows, each its own transaction."""
    for i in range(50):
        book = Book.objects.get(pk=i + 1)
        book.title = f"Book {_choose.randrange(10**6):06}"
        book.save()
    return None


def update_one() -> object:
    """50 updates of one column of one row, each its own transaction."""
    return [Book.objects.filter(pk=i + 1).update(pages=models.F("pages")) for i in range(50)]


def get_or_create() -> object:
    """50 times a row that is there, and 20 that are not."""
    found = [Author.objects.get_or_create(name=f"Author {i:06}")[1] for i in range(50)]
    made = [Author.objects.get_or_create(name=f"New {i}")[1] for i in range(20)]
    Author.objects.filter(name__startswith="New").delete()
    return found, made


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


def creates_in_one_transaction() -> object:
    """1,000 creates in one transaction, rolled back."""
    with transaction.atomic():
        for i in range(1000):
            data.book(i, _choose).save()
        transaction.set_rollback(True)
    return None


def bulk_create() -> object:
    """1,000 rows in one statement, committed and deleted."""
    with transaction.atomic():
        Book.objects.bulk_create([data.book(i, _choose) for i in range(1000)])
    return Book.objects.filter(pk__gt=data.ROWS).delete()[0] and None


def bulk_update() -> object:
    """One column of 1,000 rows."""
    books = list(Book.objects.order_by("pk")[:1000])
    for book in books:
        book.in_print = not book.in_print
    return Book.objects.bulk_update(books, ["in_print"], batch_size=250)


def update_all() -> object:
    """One UPDATE of every row."""
    return Book.objects.update(pages=models.F("pages"))


def delete_all() -> object:
    """One DELETE of every link, rolled back."""
    with transaction.atomic():
        deleted = Book.tags.through.objects.all().delete()[0]
        transaction.set_rollback(True)
    return deleted


WRITES = (
    *(create, save, update_one, get_or_create, update_or_create, set_tags),
    *(creates_in_one_transaction, bulk_create, bulk_update, update_all, delete_all),
)
