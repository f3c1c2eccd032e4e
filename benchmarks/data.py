"""The rows: the same on every engine."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice

from django.db import connection, models

from .models import Author, Book, Document, Tag

ROWS = 0
TAGS = 20


def load(rows: int) -> None:
    """Make the tables and fill them: ``rows`` books and documents, a tenth as many authors."""
    global ROWS
    ROWS = rows
    with connection.schema_editor() as editor:
        for model in (Author, Tag, Book, Document):
            editor.create_model(model)
    choose = random.Random(42)
    _create(Author, (Author(name=f"Author {i:06}") for i in range(authors())))
    Tag.objects.bulk_create(Tag(name=f"Tag {i}") for i in range(TAGS))
    _create(Book, (book(i, choose) for i in range(rows)))
    links = Book.tags.through
    pairs = {(choose.randrange(rows) + 1, choose.randrange(TAGS) + 1) for _ in range(rows * 2)}
    _create(links, (links(book_id=b, tag_id=t) for b, t in sorted(pairs)))
    _create(Document, (document(i, choose) for i in range(rows)))
    connection.close()


def _create(model: type[models.Model], rows: Iterator[models.Model]) -> None:
    while some := list(islice(rows, 10_000)):
        model._default_manager.bulk_create(some, batch_size=500)


def authors() -> int:
    """The number of authors."""
    return max(ROWS // 10, 1)


def book(i: int, choose: random.Random) -> Book:
    """A book that is not saved."""
    return Book(
        title=f"Book {choose.randrange(10**6):06}",
        author_id=choose.randrange(authors()) + 1,
        price=Decimal(choose.randrange(100, 10_000)) / 100,
        published=dt.date(1950, 1, 1) + dt.timedelta(choose.randrange(25_000)),
        added=dt.datetime(2020, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=choose.randrange(10**8)),
        pages=choose.randrange(50, 1500),
        rating=choose.choice((None, choose.random() * 5)),
        in_print=choose.random() < 0.8,
        code=uuid.UUID(int=choose.getrandbits(128)),
    )


def document(i: int, choose: random.Random) -> Document:
    """A document that is not saved."""
    kind = choose.choice(("note", "letter", "draft"))
    return Document(data={"kind": kind, "number": i, "meta": {"pages": choose.randrange(100), "tags": ["a", "b"]}})
