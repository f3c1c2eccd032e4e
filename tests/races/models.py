"""What the writers write."""

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint


class Account(models.Model):
    amount = models.IntegerField()

    class Meta:
        constraints = [CheckConstraint(condition=Q(amount__gte=0), name="no_debts")]


class Counter(models.Model):
    number = models.IntegerField(default=0)


class Name(models.Model):
    text = models.CharField(max_length=50, unique=True)
    kind = models.IntegerField(db_index=True)
    place = models.IntegerField(null=True)

    class Meta:
        constraints = [UniqueConstraint(F("kind") + F("place"), condition=Q(place__gt=0), name="one_place")]


class Own(models.Model):
    text = models.CharField(max_length=50, unique=True)


class Parent(models.Model):
    text = models.CharField(max_length=20)


class Child(models.Model):
    parent = models.ForeignKey(Parent, models.DO_NOTHING)
    cared_for = models.ForeignKey(Parent, models.SET_NULL, null=True, related_name="+")


class Node(models.Model):
    parent = models.ForeignKey("self", models.CASCADE, null=True)


class Tag(models.Model):
    text = models.CharField(max_length=20)


class Book(models.Model):
    title = models.CharField(max_length=40)
    tags = models.ManyToManyField(Tag, blank=True)


class Doctor(models.Model):
    shift = models.IntegerField(db_index=True)
    on_call = models.BooleanField(default=True)


class Changing(models.Model):
    """Its table gets columns and loses them while others write."""

    text = models.CharField(max_length=20)
    number = models.IntegerField(db_index=True)
