"""A table of ten columns with the usual types, its parent, a many-to-many, and documents."""

from __future__ import annotations

import uuid

from django.db import models


class Author(models.Model):
    """A parent row."""

    name = models.CharField(max_length=100, unique=True)

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    """The other end of a many-to-many."""

    name = models.CharField(max_length=50)


class Book(models.Model):
    """A row with the types that real tables have."""

    title = models.CharField(max_length=200)
    author = models.ForeignKey(Author, models.CASCADE)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    published = models.DateField(db_index=True)
    added = models.DateTimeField()
    pages = models.IntegerField(db_index=True)
    rating = models.FloatField(null=True)
    in_print = models.BooleanField(default=True)
    code = models.UUIDField(default=uuid.uuid4, unique=True)
    tags = models.ManyToManyField(Tag)

    def __str__(self) -> str:
        return self.title


class Document(models.Model):
    """A row of JSON."""

    data = models.JSONField()
