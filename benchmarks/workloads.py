"""What is measured: plain functions over the ORM. Each returns an answer that both engines must agree on."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Callable
from decimal import Decimal

from django.db import connection, models, transaction
from django.db.models import Avg, Count, Q, Sum

from .models import Author, Book, Tag

ROWS = 0
_choose = random.Random(7)


def load(rows: int) -> None:
    """Make the tables and fill them: ``rows`` books, a tenth as many authors, the same on every engine."""
    global ROWS
    ROWS = rows
    with connection.schema_editor() as editor:
        for model in (Author, Tag, Book):
            editor.create_model(model)
    choose = random.Random(42)
    Author.objects.bulk_create(Author(name=f"Author {i:06}") for i in range(max(rows // 10, 1)))
    Tag.objects.bulk_create(Tag(name=f"Tag {i}") for i in range(20))
    Book.objects.bulk_create((_book(i, choose, rows) for i in range(rows)), batch_size=500)
    links = Book.tags.through
    pairs = {(choose.randrange(rows) + 1, choose.randrange(20) + 1) for _ in range(rows * 2)}
    links.objects.bulk_create((links(book_id=b, tag_id=t) for b, t in sorted(pairs)), batch_size=500)
    connection.close()


def _book(i: int, choose: random.Random, rows: int) -> Book:
    return Book(
        title=f"Book {choose.randrange(10**6):06}",
        author_id=choose.randrange(max(rows // 10, 1)) + 1,
        price=Decimal(choose.randrange(100, 10_000)) / 100,
        published=dt.date(1950, 1, 1) + dt.timedelta(choose.randrange(25_000)),
        added=dt.datetime(2020, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=choose.randrange(10**8)),
        pages=choose.randrange(50, 1500),
        rating=choose.choice((None, choose.random() * 5)),
        in_print=choose.random() < 0.8,
        code=uuid.UUID(int=choose.getrandbits(128)),
    )


def comparable(answer: object) -> object:
    """The answer as JSON can hold it."""
    if isinstance(answer, models.QuerySet | list | tuple):
        return [comparable(item) for item in answer]
    if isinstance(answer, models.Model):
        return answer.pk
    if isinstance(answer, float | Decimal):
        return round(float(answer), 6)
    return answer if answer is None or isinstance(answer, int | str | dict) else str(answer)


def get_pk() -> object:
    """200 reads by primary key."""
    return [Book.objects.get(pk=i * 37 % ROWS + 1).pk for i in range(200)]


def get_unique() -> object:
    """200 reads by a unique column."""
    return [Author.objects.get(name=f"Author {i * 37 % (ROWS // 10):06}").pk for i in range(200)]


def list_instances() -> object:
    """The whole table as instances."""
    return len(list(Book.objects.all()))


def values_list() -> object:
    """The whole table as tuples."""
    return len(list(Book.objects.values_list()))


def filter_indexed() -> object:
    """100 times 20 rows by an indexed range."""
    return [len(list(Book.objects.filter(pages__gte=i * 10)[:20])) for i in range(100)]


def filter_foreign_key() -> object:
    """100 times the books of an author."""
    return [len(list(Book.objects.filter(author_id=i + 1))) for i in range(100)]


def ordered_slice() -> object:
    """50 times the first 20 by an indexed column, both ways."""
    return [list(Book.objects.order_by(o, "pk")[:20]) for o in ("published", "-published") * 25]


def filter_unindexed() -> object:
    """Rows by an unindexed text."""
    return len(list(Book.objects.filter(title__contains="77")))


def count_all() -> object:
    """200 counts of the table."""
    return [Book.objects.count() for _ in range(200)]


def count_filter() -> object:
    """A count over an unindexed filter."""
    return Book.objects.filter(Q(in_print=False) | Q(rating__gt=4)).count()


def select_related() -> object:
    """Every book with its author."""
    return len([book.author.name for book in Book.objects.select_related("author")])


def group_by() -> object:
    """Count, sum and average per author."""
    found = Book.objects.values("author").annotate(n=Count("pk"), s=Sum("pages"), a=Avg("rating")).order_by("author")
    return [(row["author"], row["n"], row["s"], row["a"]) for row in found[:50]]


def many_to_many() -> object:
    """Books of a tag."""
    return Book.objects.filter(tags__name="Tag 3").order_by("pk")[:100]


def create() -> object:
    """50 creates, each its own transaction."""
    for _ in range(50):
        book = _book(0, _choose, ROWS)
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


def bulk_create() -> object:
    """1,000 rows in one statement each, rolled back."""
    with transaction.atomic():
        Book.objects.bulk_create(_book(i, _choose, ROWS) for i in range(1000))
        transaction.set_rollback(True)
    return None


def update_all() -> object:
    """One UPDATE of every row."""
    return Book.objects.update(pages=models.F("pages"))


WORKLOADS: dict[str, Callable[[], object]] = {
    run.__name__: run
    for run in (
        get_pk,
        get_unique,
        list_instances,
        values_list,
        filter_indexed,
        filter_foreign_key,
        ordered_slice,
        filter_unindexed,
        count_all,
        count_filter,
        select_related,
        group_by,
        many_to_many,
        create,
        save,
        bulk_create,
        update_all,
    )
}
