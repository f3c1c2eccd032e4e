"""Models with one of everything that introspection should give back."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower


class Author(models.Model):
    name = models.CharField(max_length=100, unique=True)
    born = models.DateField(null=True)

    def __str__(self) -> str:
        return self.name


class Book(models.Model):
    title = models.CharField(max_length=200, db_index=True)
    author = models.ForeignKey(Author, models.CASCADE, related_name="books")
    editors = models.ManyToManyField(Author, related_name="edited")
    price = models.DecimalField(max_digits=8, decimal_places=2, default=0)
    pages = models.PositiveIntegerField(default=0)
    published = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["author", "title"], name="one_title_per_author"),
            models.CheckConstraint(condition=Q(price__gte=0), name="price_not_negative"),
        ]
        indexes = [models.Index("author", F("published").desc(), name="newest_of_author")]

    def __str__(self) -> str:
        return self.title


class Everything(models.Model):
    """A column of every kind."""

    id = models.AutoField(primary_key=True)
    small = models.SmallIntegerField()
    integer = models.IntegerField()
    big = models.BigIntegerField()
    positive_small = models.PositiveSmallIntegerField()
    positive = models.PositiveIntegerField()
    positive_big = models.PositiveBigIntegerField()
    boolean = models.BooleanField()
    nullable_boolean = models.BooleanField(null=True)
    char = models.CharField(max_length=17)
    text = models.TextField()
    decimal = models.DecimalField(max_digits=12, decimal_places=3)
    number = models.FloatField()
    date = models.DateField()
    time = models.TimeField()
    timestamp = models.DateTimeField()
    duration = models.DurationField()
    binary = models.BinaryField()
    uuid = models.UUIDField(default=uuid.uuid4, unique=True)
    json = models.JSONField()
    with_default = models.IntegerField(db_default=7)
    lowered = models.GeneratedField(
        expression=Lower("char"), output_field=models.CharField(max_length=17), db_persist=True
    )
    author = models.OneToOneField(Author, models.CASCADE, null=True)

    class Meta:
        unique_together = [("small", "big")]


class Node(models.Model):
    """A row that may point to another one of its table."""

    name = models.CharField(max_length=20)
    parent = models.ForeignKey("self", models.CASCADE, null=True)


class Genre(models.Model):
    """Has a row that a migration writes."""

    name = models.CharField(max_length=20)
