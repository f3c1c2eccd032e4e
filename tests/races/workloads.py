"""What one writer does, again and again, and what must be true when all have stopped.

A ``step`` raises nothing but what its docstring allows; whatever else it raises has reached a caller, and counts as a
failure of the run.
"""

from __future__ import annotations

import random
from collections import Counter as Tally
from contextlib import suppress
from typing import ClassVar

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, F, Sum
from django.test import Client

from django_zodb.transaction import retry

from .models import Account, Book, Changing, Child, Counter, Doctor, Name, Node, Own, Parent, Tag

ACCOUNTS, BOOKS, SHARED, COUNTERS, TAGS, WRITERS = 10, 32, 3, 3, 12, 4


class Workload:
    """One writer's work. ``done`` says what it has done, and is added up over all writers for ``check``."""

    levels: ClassVar[tuple[str, ...]] = ("snapshot", "serializable")

    def __init__(self, me: int, chance: random.Random) -> None:
        self.me = me
        self.chance = chance
        self.done: Tally[str] = Tally()

    def step(self) -> None:
        """Do it once more."""
        raise NotImplementedError

    @staticmethod
    def check(done: Tally[str]) -> list[str]:
        """What is not as it must be."""
        raise NotImplementedError


def prepare() -> None:
    """Make the rows that all work on."""
    Account.objects.bulk_create(Account(pk=n, amount=100) for n in range(1, ACCOUNTS + 1))
    Counter.objects.bulk_create(Counter(pk=n) for n in range(1, COUNTERS + 1))
    Tag.objects.bulk_create(Tag(pk=n, text=f"tag {n}") for n in range(1, TAGS + 1))
    Book.objects.bulk_create(Book(pk=n, title=f"book {n}") for n in range(1, BOOKS + SHARED + 1))
    Doctor.objects.bulk_create(Doctor(pk=n, shift=n % 2) for n in range(1, 5))
    for me in range(WRITERS):
        User.objects.create_superuser(f"writer{me}")


again = retry(limit=100)(lambda work: work())
"""Run a transaction on rows that others change, too, until it succeeds. Django deletes in a transaction of its own."""


class Transfers(Workload):
    """Read two rows, write both, as a transaction that is run again after a conflict."""

    def step(self) -> None:
        source, target = self.chance.sample(range(1, ACCOUNTS + 1), 2)

        @retry(limit=100)
        def transfer() -> None:
            one, two = Account.objects.get(pk=source), Account.objects.get(pk=target)
            if one.amount:
                one.amount -= 1
                two.amount += 1
                one.save()
                two.save()

        transfer()

    @staticmethod
    def check(done: Tally[str]) -> list[str]:
        total = Account.objects.aggregate(total=Sum("amount"))["total"]
        return [] if total == 100 * ACCOUNTS else [f"the accounts hold {total}, not {100 * ACCOUNTS}"]


class LockedTransfers(Workload):
    """The same with rows that are locked before they are read: nothing is run again."""

    def step(self) -> None:
        pair = self.chance.sample(range(1, ACCOUNTS + 1), 2)

        @retry(limit=100)  # over a server there are no locks
        def transfer() -> None:
            locked = Account.objects.select_for_update().filter(pk__in=pair).order_by("pk")
            one, two = self.chance.sample(list(locked), 2)
            Account.objects.filter(pk=one.pk, amount__gt=0).update(amount=one.amount - min(one.amount, 1))
            Account.objects.filter(pk=two.pk).update(amount=two.amount + min(one.amount, 1))

        transfer()

    check = Transfers.check


class Counters(Workload):
    """Statements outside ``atomic()``: no error at all reaches the caller."""

    def step(self) -> None:
        number = self.chance.randint(1, COUNTERS)
        assert Counter.objects.filter(pk=number).update(number=F("number") + 1) == 1
        self.done["counted"] += 1

    @staticmethod
    def check(done: Tally[str]) -> list[str]:
        total = Counter.objects.filter(pk__lte=COUNTERS).aggregate(total=Sum("number"))["total"]
        return [] if total == done["counted"] else [f"{done['counted']} were counted, {total} are there"]


class UniqueKeys(Workload):
    """``create`` may meet an IntegrityError; ``get_or_create`` and ``update_or_create`` nothing.

    What these look for is never deleted: Django asks again after an IntegrityError, and then it must be there. At
    serializable level ``update_or_create`` may have to be run again. So it may over a server, where nobody can lock a
    row or a key, and meet one even then.
    """

    def step(self) -> None:
        number, kind = self.chance.randrange(200), self.chance.randrange(5)
        match self.chance.randrange(5):
            case 0:
                with suppress(IntegrityError):
                    Name.objects.create(text=f"made {number % 20}", kind=kind, place=self.chance.randrange(-5, 60))
                    self.done["created"] += 1
            case 1 | 2:
                _, created = Name.objects.get_or_create(text=f"name {number}", defaults={"kind": kind})
                self.done["created"] += created
            case 3:
                created = self._update_or_create(f"name {number}", kind)
                self.done["created"] += created
            case _:
                deleted, _ = again(Name.objects.filter(text=f"made {number % 20}").delete)
                self.done["deleted"] += deleted

    def _update_or_create(self, text: str, kind: int) -> bool:
        def work() -> bool:
            return bool(Name.objects.update_or_create(text=text, defaults={"kind": kind})[1])

        if not connection.features.has_select_for_update:
            with suppress(IntegrityError):
                return bool(again(work))
            return False
        serializable = connection.settings_dict["OPTIONS"].get("isolation") == "serializable"
        return again(work) if serializable else work()

    @staticmethod
    def check(done: Tally[str]) -> list[str]:
        problems = []
        left, expected = Name.objects.count(), done["created"] - done["deleted"]
        if left != expected:
            problems.append(f"{done['created']} names were created, {done['deleted']} deleted, {left} are left")
        if Name.objects.values("text").annotate(n=Count("pk")).filter(n__gt=1).exists():
            problems.append("a name is there twice")
        return problems


class Families(Workload):
    """Children come while parents go: an IntegrityError is allowed, an orphan is not."""

    def step(self) -> None:
        parent = Parent.objects.order_by("?").values_list("pk", flat=True).first()
        with suppress(IntegrityError):
            match self.chance.randrange(4):
                case 0:
                    Parent.objects.create(text="parent")
                case 1 | 2 if parent:
                    Child.objects.create(parent_id=parent, cared_for_id=parent)
                case _:
                    again(Child.objects.filter(parent_id=parent).delete)
                    again(Parent.objects.filter(pk=parent).delete)

    @staticmethod
    def check(done: Tally[str]) -> list[str]:
        parents = set(Parent.objects.values_list("pk", flat=True))
        kept = Child.objects.values_list("pk", "parent_id", "cared_for_id")
        return [f"child {pk} is an orphan" for pk, *of in kept if not parents.issuperset(filter(None, of))]


class Trees(Workload):
    """The same within one table, with cascades."""

    def step(self) -> None:
        node = Node.objects.order_by("?").first()
        with suppress(IntegrityError):
            match self.chance.randrange(5):
                case 0:
                    Node.objects.create(parent=None)
                case 1 | 2 if node:
                    Node.objects.create(parent=node)
                case _ if node:
                    again(Node.objects.filter(pk=node.pk).delete)

    @staticmethod
    def check(done: Tally[str]) -> list[str]:
        nodes = dict(Node.objects.values_list("pk", "parent_id"))
        return [f"node {pk} is an orphan" for pk, parent in nodes.items() if parent and parent not in nodes]


class Tagging(Workload):
    """Each writer has books of its own and shares the tags: no error at all."""

    def step(self) -> None:
        book = Book(pk=self.me + 1 + WRITERS * self.chance.randrange(BOOKS // WRITERS))
        tags = self.chance.sample(range(1, TAGS + 1), self.chance.randrange(4))
        match self.chance.randrange(4):
            case 0:
                book.tags.add(*tags)
            case 1:
                book.tags.remove(*tags)
            case _:
                book.tags.set(tags)
                assert sorted(book.tags.values_list("pk", flat=True)) == sorted(tags)

    @staticmethod
    def check(done: Tally[str]) -> list[str]:
        links = list(Book.tags.through.objects.values_list("book_id", "tag_id"))
        return [] if len(links) == len(set(links)) else ["a book has a tag twice"]


class SharedTagging(Workload):
    """All add to the same few books: no error either, unless what was there before must stay so."""

    levels = ("snapshot",)

    def step(self) -> None:
        Book(pk=BOOKS + self.chance.randint(1, SHARED)).tags.add(*self.chance.sample(range(1, TAGS + 1), 3))

    check = Tagging.check


class Disjoint(Workload):
    """Transactions of several statements on rows of their own: no error at all, and nothing is run again."""

    def step(self) -> None:
        mine = f"of {self.me}"
        with transaction.atomic():
            tag = Tag.objects.create(text=mine)
            Own.objects.get_or_create(text=f"{mine}: {self.chance.randrange(30)}")
            Counter.objects.update_or_create(pk=100 + self.me, defaults={"number": 1})
            Counter.objects.filter(pk=100 + self.me).update(number=F("number") + 1)
            with suppress(IntegrityError), transaction.atomic():
                Tag.objects.create(pk=tag.pk, text="taken")
            if self.chance.random() < 0.7:
                tag.delete()

    @staticmethod
    def check(done: Tally[str]) -> list[str]:
        twice = Own.objects.values("text").annotate(n=Count("pk")).filter(n__gt=1)
        return ["a text is there twice"] if twice.exists() else []


class Admin(Workload):
    """Different objects saved in the admin: every form is accepted and logged."""

    def __init__(self, me: int, chance: random.Random) -> None:
        super().__init__(me, chance)
        self._client = Client()
        self._client.force_login(User.objects.get(username=f"writer{me}"))

    def step(self) -> None:
        pk = self.me + 1 + WRITERS * self.chance.randrange(BOOKS // WRITERS)
        title = f"book {pk}, {self.chance.randrange(1000)}"
        tags = self.chance.sample(range(1, TAGS + 1), 2)
        response = self._client.post(f"/admin/races/book/{pk}/change/", {"title": title, "tags": tags})
        assert response.status_code == 302, response.content
        self.done["saved"] += 1
        assert Book.objects.get(pk=pk).title == title

    @staticmethod
    def check(done: Tally[str]) -> list[str]:
        logged = LogEntry.objects.count()
        return [] if logged == done["saved"] else [f"{done['saved']} forms were saved, {logged} are logged"]


class OnCall(Workload):
    """Write skew: a doctor leaves if another one of the shift stays. Somebody must always be there."""

    levels = ("serializable",)

    def step(self) -> None:
        shift = self.chance.randrange(2)

        @retry(limit=100)
        def leave_or_come() -> None:
            there = list(Doctor.objects.filter(shift=shift, on_call=True))
            if len(there) > 1:
                Doctor.objects.filter(pk=self.chance.choice(there).pk).update(on_call=False)
            else:
                if not there:
                    self.done["nobody"] += 1
                Doctor.objects.filter(shift=shift, on_call=False).update(on_call=True)

        leave_or_come()

    @staticmethod
    def check(done: Tally[str]) -> list[str]:
        return [f"nobody was on call {done['nobody']} times"] if done["nobody"] else []


class Redefinition(Workload):
    """One writer adds and drops a column and an index, the others write: no error, and no row of another shape."""

    def step(self) -> None:
        if self.me == 0:
            for text in (
                "ALTER TABLE races_changing ADD COLUMN more integer DEFAULT 7 NOT NULL",
                "CREATE INDEX races_changing_more ON races_changing (more)",
                "ALTER TABLE races_changing DROP COLUMN more",
            ):
                with connection.cursor() as cursor:
                    cursor.execute(text)
            return
        made = Changing.objects.create(text=f"of {self.me}", number=self.chance.randrange(100))
        Changing.objects.filter(pk=made.pk).update(number=F("number") + 1)
        if self.chance.random() < 0.8:
            made.delete()
        else:
            self.done["kept"] += 1

    @staticmethod
    def check(done: Tally[str]) -> list[str]:
        problems = []
        kept = Changing.objects.count()
        if kept != done["kept"]:
            problems.append(f"{done['kept']} rows were kept, {kept} are there")
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM races_changing")
            if any(len(row) != len(cursor.description) for row in cursor.fetchall()):
                problems.append("a row has another shape than its table")
        return problems


ALL: dict[str, type[Workload]] = {
    kind.__name__: kind
    for kind in (
        *(Transfers, LockedTransfers, Counters, UniqueKeys, Families, Trees, Tagging, SharedTagging),
        *(Disjoint, Admin, OnCall, Redefinition),
    )
}
