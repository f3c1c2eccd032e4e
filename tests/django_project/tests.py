"""Tests that ``manage.py test`` runs, in one process or in several; ``test_test_databases.py`` starts it."""

from __future__ import annotations

import os

from django.db import connection, connections
from django.test import LiveServerTestCase, TestCase, TransactionTestCase

from django_project.models import Author, Book, Genre


class InTransaction(TestCase):
    fixtures = ["library.json"]

    @classmethod
    def setUpTestData(cls) -> None:
        cls.author = Author.objects.create(name="Ada")

    def test_fixture(self) -> None:
        self.assertEqual(Book.objects.get(title="Emma").author.name, "Jane")

    def test_one(self) -> None:
        Author.objects.create(name="Bob")
        self.assertEqual(Author.objects.count(), 3)

    def test_two(self) -> None:
        self.assertEqual(Author.objects.count(), 2)
        self.assertEqual(connection.queries_log.maxlen, 9000)

    def test_on_commit(self) -> None:
        from django.db import transaction

        with self.captureOnCommitCallbacks(execute=True) as callbacks:
            transaction.on_commit(lambda: None)
        self.assertEqual(len(callbacks), 1)


class InCommits(TransactionTestCase):
    serialized_rollback = True
    databases = {"default", "other"}

    def test_what_the_migration_wrote_is_there(self) -> None:
        Genre.objects.create(name="Drama")
        self.assertTrue(Genre.objects.filter(name="Novel").exists())

    def test_what_the_migration_wrote_is_there_again(self) -> None:
        self.assertEqual([genre.name for genre in Genre.objects.all()], ["Novel"])

    def test_two_databases(self) -> None:
        Author.objects.using("other").create(name="only there")
        self.assertFalse(Author.objects.filter(name="only there").exists())
        self.assertNotEqual(connections["other"].settings_dict["NAME"], connection.settings_dict["NAME"])


class InFreshSequences(TransactionTestCase):
    reset_sequences = True
    serialized_rollback = True

    def test_keys_start_again(self) -> None:
        self.assertEqual(Author.objects.create(name="first").pk, 1)

    def test_keys_start_again_in_each_test(self) -> None:
        self.assertEqual(Author.objects.create(name="first").pk, 1)


class InAServer(LiveServerTestCase):
    serialized_rollback = True

    def test_the_server_writes_where_the_test_reads(self) -> None:
        from urllib.request import urlopen

        with urlopen(f"{self.live_server_url}/add/Eve") as response:
            self.assertEqual(response.read(), b"added")
        self.assertTrue(Author.objects.filter(name="Eve").exists())


class InWorkers(TestCase):
    def test_name(self) -> None:
        if expected := os.environ.get("EXPECTED_DATABASE"):
            self.assertRegex(connection.settings_dict["NAME"], expected)
