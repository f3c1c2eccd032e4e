"""What reads: plain functions over the ORM. Each returns an answer that both engines must agree on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from django.db.models import (
    Avg,
    Count,
    Exists,
    F,
    Max,
    OuterRef,
    Prefetch,
    Q,
    Subquery,
    Sum,
    Window,
)
from django.db.models.functions import Rank, RowNumber, TruncMonth

from . import data
from .models import Author, Book, Document, Tag

# --- points --------------------------------------------------------------------------------------------------------


def get_pk() -> object:
    """200 reads by primary key."""
    return [Book.objects.get(pk=i * 37 % data.ROWS + 1).pk for i in range(200)]


def get_unique() -> object:
    """200 reads by a unique column."""
    return [Author.objects.get(name=f"Author {i * 37 % data.authors():06}").pk for i in range(200)]


def exists() -> object:
    """200 tests whether a row is there."""
    return [Book.objects.filter(pk=i * 37).exists() for i in range(200)]


def count_all() -> object:
    """200 counts of the table."""
    return [Book.objects.count() for _ in range(200)]


def parents_one_by_one() -> object:
    """200 books, each fetching its author."""
    return [book.author.name for book in Book.objects.order_by("pk")[:200]]


def in_bulk() -> object:
    """20 times 100 rows by their keys."""
    return [len(Book.objects.in_bulk([(i * 37 + k * 11) % data.ROWS + 1 for i in range(100)])) for k in range(20)]


def in_lists_of_any_length() -> object:
    """100 IN lists, each of another length."""
    return [len(Book.objects.filter(pk__in=range(1, n + 2))) for n in range(100)]


# --- slices --------------------------------------------------------------------------------------------------------


def filter_indexed() -> object:
    """100 times 20 rows by an indexed range."""
    return [len(list(Book.objects.filter(pages__gte=i * 10)[:20])) for i in range(100)]


def filter_foreign_key() -> object:
    """100 times the books of an author."""
    return [len(list(Book.objects.filter(author_id=i + 1))) for i in range(100)]


def ordered_slice() -> object:
    """50 times the first 20 by an indexed column, both ways."""
    return [list(Book.objects.order_by(o, "pk")[:20]) for o in ("published", "-published") * 25]


def ordered_in_part() -> object:
    """50 times the first 20 by an indexed column, then one without an index."""
    return [list(Book.objects.order_by(o, "title", "pk")[:20]) for o in ("published", "-published") * 25]


def deep_offset() -> object:
    """10 pages from the middle of the table."""
    return [list(Book.objects.order_by("pk")[data.ROWS // 2 + i * 20 :][:20]) for i in range(10)]


def top_unindexed() -> object:
    """The 20 dearest books."""
    return [list(Book.objects.order_by("-price", "pk")[:20]) for _ in range(3)]


# --- scans ---------------------------------------------------------------------------------------------------------


def list_instances() -> object:
    """The whole table as instances."""
    return len(list(Book.objects.all()))


def iterator() -> object:
    """The whole table, row by row."""
    return sum(1 for _ in Book.objects.iterator())


def values_list() -> object:
    """The whole table as tuples."""
    return len(list(Book.objects.values_list()))


def values_dicts() -> object:
    """Three columns of the whole table as dicts."""
    return len(list(Book.objects.values("pk", "title", "price")))


def date_range() -> object:
    """The books of ten years, by their indexed date."""
    return len(list(Book.objects.filter(published__range=(dt.date(1960, 1, 1), dt.date(1969, 12, 31)))))


def filter_unindexed() -> object:
    """Rows by an unindexed text."""
    return len(list(Book.objects.filter(title__contains="77")))


def filter_icontains() -> object:
    """Rows by a text, whatever its case."""
    return len(list(Book.objects.filter(title__icontains="BOOK 77")))


def filter_or() -> object:
    """Rows by alternatives over three columns."""
    return len(list(Book.objects.filter(Q(pages__lt=60) | Q(rating__gt=4.9) | Q(title__startswith="Book 00"))))


def count_filter() -> object:
    """A count over an unindexed filter."""
    return Book.objects.filter(Q(in_print=False) | Q(rating__gt=4)).count()


def json_key() -> object:
    """Documents by a key, and by a nested one."""
    return Document.objects.filter(data__kind="note").count(), Document.objects.filter(data__meta__pages__lt=10).count()


# --- joins ---------------------------------------------------------------------------------------------------------


def select_related() -> object:
    """Every book with its author."""
    return len([book.author.name for book in Book.objects.select_related("author")])


def foreign_key_join() -> object:
    """Books by a column of their authors."""
    return len(list(Book.objects.filter(author__name__lt="Author 000020")))


def values_over_join() -> object:
    """Titles with the names of the authors."""
    return len(list(Book.objects.values_list("title", "author__name")))


def many_to_many() -> object:
    """Books of a tag."""
    return list(Book.objects.filter(tags__name="Tag 3").order_by("pk")[:100])


def prefetch() -> object:
    """500 books with their tags."""
    return [len(book.tags.all()) for book in Book.objects.order_by("pk").prefetch_related("tags")[:500]]


def prefetch_filtered() -> object:
    """The authors, each with the long books."""
    long = Prefetch("book_set", Book.objects.filter(pages__gt=1000))
    return [len(author.book_set.all()) for author in Author.objects.order_by("pk").prefetch_related(long)]


# --- groups --------------------------------------------------------------------------------------------------------


def aggregate() -> object:
    """Five aggregates of the whole table."""
    found = Book.objects.aggregate(n=Count("rating"), s=Sum("pages"), a=Avg("rating"), m=Max("price"), d=Sum("price"))
    return list(found.values())


def group_by() -> object:
    """Count, sum and average per author, the first 50."""
    found = Book.objects.values("author").annotate(n=Count("pk"), s=Sum("pages"), a=Avg("rating")).order_by("author")
    return [(row["author"], row["n"], row["s"], row["a"]) for row in found[:50]]


def group_by_few() -> object:
    """Count and sum of two groups."""
    return list(Book.objects.values_list("in_print").annotate(n=Count("pk"), s=Sum("pages")).order_by("in_print"))


def group_by_many() -> object:
    """Count and average per author, all of them."""
    found = Book.objects.values_list("author").annotate(n=Count("pk"), a=Avg("pages")).order_by("-n", "author")
    return len(found), list(found)[:10]


def group_by_join() -> object:
    """Authors with the number of their books."""
    return [author.n for author in Author.objects.annotate(n=Count("book")).order_by("-n", "pk")]


def group_by_having() -> object:
    """Authors with many books."""
    return len(Author.objects.annotate(n=Count("book"), p=Sum("book__pages")).filter(n__gt=12))


def count_distinct() -> object:
    """Distinct authors of the books, and of each tag."""
    per_tag = Tag.objects.annotate(n=Count("book__author", distinct=True)).order_by("pk")
    return Book.objects.aggregate(n=Count("author", distinct=True))["n"], [tag.n for tag in per_tag]


def distinct() -> object:
    """The distinct numbers of pages."""
    return len(Book.objects.values_list("pages").distinct())


# --- subqueries and windows ----------------------------------------------------------------------------------------


def exists_subquery() -> object:
    """Authors with a book that is out of print, and those without one."""
    gone = Exists(Book.objects.filter(author=OuterRef("pk"), in_print=False))
    return len(Author.objects.filter(gone)), len(Author.objects.filter(~gone))


def latest_of() -> object:
    """Every author's latest book."""
    latest = Book.objects.filter(author=OuterRef("pk")).order_by("-published", "-pk").values("title")[:1]
    return list(Author.objects.annotate(latest=Subquery(latest)).order_by("pk").values_list("pk", "latest"))


def count_subquery() -> object:
    """Every author's number of books, by a subquery."""
    books = Book.objects.filter(author=OuterRef("pk")).values("author").annotate(n=Count("pk")).values("n")
    return list(Author.objects.annotate(n=Subquery(books)).order_by("pk").values_list("pk", "n"))


def in_subquery() -> object:
    """Books whose author is among some."""
    return Book.objects.filter(author__in=Author.objects.filter(name__contains="7")).count()


def window_rank() -> object:
    """Each book's place among those of its author, and the total."""
    place = Window(Rank(), partition_by="author", order_by=F("pages").desc())
    total = Window(Sum("pages"), partition_by="author")
    return list(Book.objects.annotate(r=place, t=total).order_by("pk").values_list("pk", "r", "t"))


def top_per_group() -> object:
    """Every author's two latest books."""
    place = Window(RowNumber(), partition_by="author", order_by=[F("published").desc(), F("pk").desc()])
    return list(Book.objects.annotate(n=place).filter(n__lte=2).order_by("pk").values_list("pk", flat=True))


def by_month() -> object:
    """Books per month."""
    months = Book.objects.annotate(month=TruncMonth("added")).values_list("month").annotate(n=Count("pk"))
    return [(str(month)[:7], n) for month, n in months.order_by("month")]


READS: dict[str, tuple[float, tuple[Callable[[], object], ...]]] = {
    "points": (1.0, (get_pk, get_unique, exists, count_all, parents_one_by_one)),
    "some rows": (
        0.8,
        (
            *(in_bulk, in_lists_of_any_length, filter_indexed, filter_foreign_key),
            *(ordered_slice, ordered_in_part, deep_offset),
        ),
    ),
    "all as instances": (0.6, (list_instances, iterator, select_related, date_range)),
    "all as values": (0.25, (values_list, values_dicts)),
    "filters": (0.8, (filter_unindexed, filter_icontains, filter_or, count_filter, top_unindexed)),
    "JSON": (0.6, (json_key,)),
    "joins": (0.7, (foreign_key_join, values_over_join, many_to_many)),
    "prefetched": (1.0, (prefetch, prefetch_filtered)),
    "groups": (
        0.6,
        (
            *(aggregate, group_by, group_by_few, group_by_many, group_by_join, group_by_having),
            *(count_distinct, distinct),
        ),
    ),
    "subqueries and windows": (
        0.6,
        (exists_subquery, latest_of, count_subquery, in_subquery, window_rank, top_per_group),
    ),
    "months": (0.4, (by_month,)),
}
"""Group → the most times that sqlite3 may be ahead, and what it holds."""
