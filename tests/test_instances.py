"""Instances that are made of rows in fewer steps than Django takes are those that Django would have made."""

from __future__ import annotations

import gc
import pickle
import runpy
from collections.abc import Callable, Iterator
from copy import copy
from functools import wraps
from inspect import getattr_static
from typing import Any

import pytest
from django.apps.registry import Apps
from django.db import connection, models
from django.db.models import Count, Prefetch, QuerySet, signals
from django.db.models.fields.files import FileDescriptor
from django.db.models.fields.related_descriptors import ForeignKeyDeferredAttribute
from django.db.models.functions import Length
from django.db.models.query import ModelIterable, ValuesIterable
from django_project.models import Author, Book, Everything, Node

from django_zodb import collector, compiler
from django_zodb.compiler import instances
from django_zodb.compiler.instances import Making, maker_of

pytestmark = pytest.mark.django_db


class Base(models.Model):
    """A table of its own; its subclasses join it."""

    name = models.CharField(max_length=10)
    file = models.FileField()

    class Meta:
        app_label = "instances"


class Derived(Base):
    """Has columns in two tables, and refers to another."""

    length = models.IntegerField()
    base = models.ForeignKey(Base, models.CASCADE, null=True, related_name="others")

    class Meta:
        app_label = "instances"


class Picture(models.Model):
    """Its field listens to each instance."""

    width = models.IntegerField(null=True)
    image = models.ImageField(width_field="width")

    class Meta:
        app_label = "instances"


class Loud(models.Model):
    """Says when it is made."""

    name = models.CharField(max_length=10)

    class Meta:
        app_label = "instances"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.said = "made"


class Loaded(models.Model):
    """Says that it was loaded."""

    name = models.CharField(max_length=10)

    class Meta:
        app_label = "instances"

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().from_db(*args, **kwargs)
        made.said = "loaded"
        return made


class Careful(models.Model):
    """Has a say in each attribute."""

    name = models.CharField(max_length=10)

    class Meta:
        app_label = "instances"

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value.upper() if name == "name" else value)


class _Upper:
    """A descriptor of a field that changes what it is given."""

    def __init__(self, field: Any) -> None:
        self.name = field.attname

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else instance.__dict__[self.name]

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.name] = value.upper()


class UpperField(models.CharField):  # type: ignore[type-arg]  # not generic when run
    """A field whose values are in capitals."""

    descriptor_class = _Upper


class Upper(models.Model):
    """Has a field that says what is set."""

    name = UpperField(max_length=10)

    class Meta:
        app_label = "instances"


class _Behind:
    """Stands behind Model in the order of base classes, so that Model calls it."""

    def __init__(self) -> None:
        super().__init__()
        self.said = "made"


class Mixed(models.Model, _Behind):
    """Has a base class that Model does not know of."""

    name = models.CharField(max_length=10)

    class Meta:
        app_label = "instances"


class _Counting(models.base.ModelBase):
    """A class of models that looks at each instance."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__call__(*args, **kwargs)
        made.said = "made"
        return made


class Counted(models.Model, metaclass=_Counting):
    """A model of that class."""

    name = models.CharField(max_length=10)

    class Meta:
        app_label = "instances"


class Made(models.Model):
    """Is not made by ``object``."""

    name = models.CharField(max_length=10)

    class Meta:
        app_label = "instances"

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__new__(cls)
        made.said = "made"
        return made


class Keyword(models.Model):
    """Has columns whose names are no attributes that can be written in a program."""

    plain = models.IntegerField()
    locals()["class"] = models.IntegerField()
    locals()["with space"] = models.IntegerField()
    locals()["\ufb01"] = models.IntegerField()  # a ligature: in a program it would be "fi"

    class Meta:
        app_label = "instances"


class Later(Author):
    """Is changed after it has been made of rows."""

    class Meta:
        app_label = "instances"
        proxy = True


class Copied(Author):
    """Gets the options of another model."""

    class Meta:
        app_label = "instances"
        proxy = True


WITH_A_SAY = [Loud, Loaded, Careful, Upper, Mixed, Counted, Made, Picture]


class _Apart:
    """A descriptor that puts what it is given elsewhere, with what the state says then."""

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else instance.__dict__["kept"]

    def __set__(self, instance: Any, value: Any) -> None:
        state = instance._state
        instance.__dict__.update(kept=value, adding=state.adding, db=state.db)


class _Calling(ModelIterable):  # type: ignore[type-arg]  # not generic when run
    """Calls what the compiler says the model is."""

    def __iter__(self) -> Iterator[Any]:
        found = self.queryset.query.get_compiler(self.queryset.db)
        for row in found.results_iter(found.execute_sql()):
            yield self.make(found.klass_info["model"], row)

    def make(self, model: Any, row: Any) -> Any:
        return model(*row)


class _Leaving(_Calling):
    """Makes instances of some of the columns that were selected."""

    def make(self, model: Any, row: Any) -> Any:
        return model.from_db(self.queryset.db, [model._meta.pk.attname], row[:1])


class _Renaming(_Calling):
    """Makes instances of as many columns as were selected, but of others."""

    def make(self, model: Any, row: Any) -> Any:
        return model.from_db(self.queryset.db, ["id", "pages"], row)


@pytest.fixture(scope="module", autouse=True)
def tables(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The tables of these models, with two rows each."""
    made = [Base, Derived, Keyword, *WITH_A_SAY]
    with django_db_blocker.unblock():
        with connection.schema_editor() as editor:
            for model in made:
                editor.create_model(model)
        base = Base.objects.create(name="base", file="a.txt")
        Derived.objects.create(name="derived", length=1, base=base)
        Derived.objects.create(name="other", length=2)
        Keyword.objects.create(**{"plain": 1, "class": 2, "with space": 3, "\ufb01": 4})
        Picture.objects.create(width=5)
        for model in WITH_A_SAY[:-1]:
            model.objects.bulk_create([model(name="a"), model(name="b")])
        author = Author.objects.create(name="Ann")
        Book.objects.create(title="One", author=author, price="1.50")
        Node.objects.create(parent=Node.objects.create())
    yield
    with django_db_blocker.unblock():
        Book.objects.all().delete()
        Author.objects.all().delete()
        Node.objects.all().delete()
        with connection.schema_editor() as editor:
            for model in reversed(made):
                editor.delete_model(model)


def are_made_directly(queryset: QuerySet[Any, Any]) -> bool:
    """Whether Django makes its instances by the engine's means: for few, from the second time on."""
    for _ in range(2):
        found = queryset.query.get_compiler(queryset.db)
        list(found.execute_sql())
    return type(found.klass_info["model"]) is Making


def contents(instance: Any) -> Any:
    """All that an instance holds, with what it refers to."""
    if not isinstance(instance, models.Model):
        return instance
    values = [(name, value) for name, value in vars(instance).items() if name != "_state"]
    related = [(name, contents(other)) for name, other in instance._state.fields_cache.items()]
    return type(instance), list(vars(instance)), instance._state.db, instance._state.adding, values, related


def both(monkeypatch: pytest.MonkeyPatch, queryset: Callable[[], QuerySet[Any, Any]]) -> tuple[Any, Any]:
    """What the engine makes, and what Django makes."""
    ours = [contents(each) for each in queryset()]
    with monkeypatch.context() as patched:
        patched.setattr(compiler, "make_directly", lambda *_: None)
        assert not are_made_directly(queryset())
        return ours, [contents(each) for each in queryset()]


@pytest.mark.parametrize(
    "queryset",
    [
        lambda: Author.objects.all(),
        lambda: Book.objects.all(),
        lambda: Everything.objects.all(),
        lambda: Base.objects.all(),
        lambda: Derived.objects.all(),
        lambda: Book.objects.only("title"),
        lambda: Book.objects.defer("author", "title"),
        lambda: Derived.objects.defer("name"),
        lambda: Derived.objects.only("name", "length"),
        lambda: Book.objects.annotate(n=Count("editors")),
        lambda: Author.objects.annotate(title=Count("books")),
        lambda: Book.objects.select_related("author"),
        lambda: Book.objects.select_related("author").only("author__name", "title"),
        lambda: Node.objects.select_related("parent__parent"),
        lambda: Derived.objects.select_related("base", "base_ptr"),
        lambda: Author.objects.all().union(Author.objects.all()),
        lambda: Book.objects.extra(select={"more": "1 + 1"}),
    ],
)
def test_what_leaves_all_to_django(monkeypatch: pytest.MonkeyPatch, queryset: Callable[[], QuerySet[Any, Any]]) -> None:
    assert are_made_directly(queryset())
    ours, theirs = both(monkeypatch, queryset)
    assert ours == theirs


def test_a_maker_is_written_for_many_or_the_second_time() -> None:
    class Few(models.Model):
        name = models.CharField(max_length=9)

        class Meta:
            app_label = "django_project"
            apps = Apps()

    names = ("id", "name")
    assert maker_of(Few, names, are_few=True) is Few
    assert type(maker_of(Few, names, are_few=True)) is Making
    assert maker_of(Few, ("id",), are_few=True) is Few
    assert type(maker_of(Few, ("id",))) is Making


def test_columns_of_a_parent_that_was_selected_are_left_to_django() -> None:
    """They are among others, and in another order."""
    select = [(field.get_col("t"), None, None) for field in Author._meta.concrete_fields]
    below = {"model": Author, "select_fields": [0, 1, 2], "from_parent": Base}
    info = {"model": Author, "select_fields": [0, 1, 2], "related_klass_infos": [below]}
    compiler.make_directly(info, select)
    assert type(info["model"]) is Making and below["model"] is Author


def test_values_that_are_no_columns() -> None:
    """Django says of which model they are, although no instance is made."""
    found = Book.objects.annotate(n=Length("title")).values("n", "author__name")
    assert list(found) == [{"n": 3, "author__name": "Ann"}]
    assert list(Book.objects.values_list("published__year", "title")) == [(None, "One")]
    assert not are_made_directly(Book.objects.values("title"))


def test_prefetched() -> None:
    (author,) = Author.objects.prefetch_related(Prefetch("books", Book.objects.all(), to_attr="kept"))
    (book,) = author.kept
    assert book.author is author
    assert (book.title, book.author_id) == ("One", author.pk)


@pytest.mark.parametrize("model", [Keyword, *WITH_A_SAY])
def test_a_model_that_has_a_say_is_asked(monkeypatch: pytest.MonkeyPatch, model: Any) -> None:
    assert not are_made_directly(model.objects.all())
    ours, theirs = both(monkeypatch, model.objects.order_by("pk").all)
    assert ours and ours == theirs


def test_what_models_say() -> None:
    assert {each.said for model in (Loud, Mixed, Counted, Made) for each in model.objects.all()} == {"made"}
    assert Loaded.objects.all()[0].said == "loaded"
    assert [each.name for each in Careful.objects.order_by("pk")] == ["A", "B"]
    assert [each.name for each in Upper.objects.order_by("pk")] == ["A", "B"]


@pytest.mark.parametrize("signal", [signals.pre_init, signals.post_init])
@pytest.mark.parametrize("sender", [Author, None])
def test_who_listens_is_told(signal: Any, sender: Any) -> None:
    """Also who begins to after a first query."""
    heard: list[Any] = []

    def listen(sender: Any, **named: Any) -> None:
        heard.append(sender)

    assert are_made_directly(Author.objects.all())
    signal.connect(listen, sender)
    try:
        assert Author.objects.get().name == "Ann"
        assert heard == [Author]
        assert not are_made_directly(Author.objects.all())
    finally:
        signal.disconnect(listen, sender)
    assert are_made_directly(Author.objects.all())


@pytest.mark.parametrize("name", ["__init__", "from_db", "__setattr__"])
def test_a_method_that_is_replaced_later(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    called: list[Any] = []
    before = getattr_static(models.Model, name)
    before = getattr(before, "__func__", before)

    def replacement(*args: Any, **kwargs: Any) -> Any:
        called.append(args)
        return before(*args, **kwargs)

    assert are_made_directly(Author.objects.all())
    with monkeypatch.context() as patched:
        patched.setattr(Author, name, classmethod(replacement) if name == "from_db" else replacement, raising=False)
        assert Author.objects.get().name == "Ann"
        assert called
    assert are_made_directly(Author.objects.all())


def test_an_init_that_was_replaced_before_the_engine_came(monkeypatch: pytest.MonkeyPatch) -> None:
    before = models.Model.__init__
    assert type(runpy.run_path(instances.__file__)["maker_of"](Copied, ("id", "name"))).__name__ == "Making"

    @wraps(before)
    def replacement(*args: Any, **kwargs: Any) -> None:
        before(*args, **kwargs)

    monkeypatch.setattr(models.Model, "__init__", replacement)
    assert runpy.run_path(instances.__file__)["maker_of"](Copied, ("id", "name")) is Copied


def test_a_base_class_that_models_get_later() -> None:
    """Model calls it."""
    before = models.Model.__bases__
    assert are_made_directly(Author.objects.all())
    models.Model.__bases__ = (*before, _Behind)
    try:
        assert Author.objects.get().said == "made"
    finally:
        models.Model.__bases__ = before
    assert are_made_directly(Author.objects.all())


def test_what_makes_instances_is_replaced_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def replacement(cls: Any, *_: Any) -> Any:
        made = object.__new__(cls)
        made.said = "made"
        return made

    assert are_made_directly(Later.objects.all())
    with monkeypatch.context() as patched:
        patched.setattr(Later, "__new__", replacement)
        assert Later.objects.get().said == "made"


@pytest.mark.parametrize(("model", "name"), [(Author, "name"), (Book, "title"), (Book, "author_id"), (Base, "file")])
def test_a_descriptor_that_comes_later(monkeypatch: pytest.MonkeyPatch, model: Any, name: str) -> None:
    assert are_made_directly(model.objects.all())
    with monkeypatch.context() as patched:
        patched.setattr(model, name, _Apart())
        ours, theirs = both(monkeypatch, model.objects.all)
        assert ours == theirs
        assert all(each.adding and each.db is None and name not in vars(each) for each in model.objects.all())
    assert are_made_directly(model.objects.all())


@pytest.mark.parametrize(("model", "descriptor"), [(Book, ForeignKeyDeferredAttribute), (Base, FileDescriptor)])
def test_a_setter_that_is_replaced(monkeypatch: pytest.MonkeyPatch, model: Any, descriptor: Any) -> None:
    """Whether before the engine was loaded, or later."""
    called: list[Any] = []
    before = descriptor.__set__

    @wraps(before)
    def replacement(self: Any, instance: Any, value: Any) -> None:
        called.append(value)
        before(self, instance, value)

    assert are_made_directly(model.objects.all())
    monkeypatch.setattr(descriptor, "__set__", replacement)
    assert not are_made_directly(model.objects.all())
    assert list(model.objects.all()) and called
    name = model._meta.concrete_fields[2].attname
    assert runpy.run_path(instances.__file__)["maker_of"](model, (name,)) is model


def test_options_that_are_a_copy_of_those_of_another_model(monkeypatch: pytest.MonkeyPatch) -> None:
    list(Author.objects.all())
    monkeypatch.setattr(Copied, "_meta", copy(Author._meta))
    assert [type(each) for each in QuerySet(Copied)] == [Copied]


@pytest.mark.parametrize("iterable", [_Calling, _Leaving, _Renaming])
def test_who_makes_instances_in_another_way(monkeypatch: pytest.MonkeyPatch, iterable: Any) -> None:
    queryset = Book.objects.only("title") if iterable is _Renaming else Book.objects.all()
    queryset._iterable_class = iterable
    assert are_made_directly(queryset.all())
    ours, theirs = both(monkeypatch, queryset.all)
    assert ours == theirs


def test_columns_in_another_order_are_left_to_django() -> None:
    assert type(maker_of(Author, ("id", "name"))) is Making
    assert maker_of(Author, ("name", "id")) is Author
    assert maker_of(Author, ("id", "nonsense")) is Author


def test_what_stands_in_for_a_model_answers_as_the_model() -> None:
    making = maker_of(Author, ("id", "name"))
    assert making._meta is Author._meta
    assert making.objects is Author.objects
    with pytest.raises(AttributeError):
        _ = making.nonsense
    assert copy(making)._meta is Author._meta


def test_kept_ways_to_make_instances_are_few() -> None:
    for _ in range(3):
        list(Book.objects.only("title"))
    assert len(vars(Book._meta)["_django_zodb_makers"]) < 20


@pytest.fixture
def collects(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Whether the garbage collector was on, each time an author is made of a row; two are many."""
    monkeypatch.setattr(collector, "MANY_ROWS", 2)
    Author.objects.create(name="Eve")
    seen: list[bool] = []

    def listen(instance: Author, **named: Any) -> None:
        seen.append(gc.isenabled())
        if instance.name == "wrong":
            raise ZeroDivisionError

    signals.post_init.connect(listen, Author)
    yield seen
    signals.post_init.disconnect(listen, Author)
    assert gc.isenabled()


def test_the_garbage_collector_waits_while_many_instances_are_made(collects: list[bool]) -> None:
    assert len(Author.objects.all()) == 2
    assert collects == [False, False] and gc.isenabled()
    Author.objects.get(name="Ann")
    assert collects == [False, False, True]


def test_the_garbage_collector_works_again_after_an_error(collects: list[bool]) -> None:
    Author.objects.filter(name="Eve").update(name="wrong")
    with pytest.raises(ZeroDivisionError):
        list(Author.objects.order_by("pk"))
    assert collects == [False, False] and gc.isenabled()


def test_a_garbage_collector_that_is_off_stays_off(collects: list[bool]) -> None:
    gc.disable()
    try:
        assert len(Author.objects.all()) == 2
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize("at_once", [True, False])
def test_the_garbage_collector_does_not_wait_for_whoever_iterates(
    monkeypatch: pytest.MonkeyPatch, collects: list[bool], at_once: bool
) -> None:
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", at_once)
    for _ in Author.objects.iterator():
        assert gc.isenabled()
    assert collects == [True, True]


def test_the_garbage_collector_does_not_wait_for_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "MANY_ROWS", 0)
    for _ in ValuesIterable(Author.objects.values("name")):
        assert gc.isenabled()


def test_pickled_and_saved() -> None:
    author = Author.objects.get()
    assert pickle.loads(pickle.dumps(author)) == author
    author.name = "Eve"
    author.save(update_fields=["name"])
    author.refresh_from_db()
    assert author.name == "Eve"
    author.delete()
    assert author.pk is None
