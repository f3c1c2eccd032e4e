"""A user model with a UUID key, and a model of its own for each thing a column can be."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models


class Member(AbstractUser):
    """A custom user."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    joined_on = models.DateField(null=True)


class Note(models.Model):
    """Something that belongs to a user."""

    owner = models.ForeignKey(Member, models.CASCADE)
    text = models.CharField(max_length=200, db_index=True)
    stars = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "text"], name="one_text_each"),
            models.CheckConstraint(condition=models.Q(stars__lte=5), name="five_stars"),
        ]
        indexes = [models.Index(fields=["-stars", "text"], name="best_first")]
