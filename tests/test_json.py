"""JSON: the functions against what PostgreSQL's documentation says, JSONField against the one on sqlite3."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.apps.registry import Apps
from django.db import DataError as DjangoDataError
from django.db import connections, models
from django.db.backends.sqlite3.base import DatabaseWrapper as SqliteWrapper
from django.db.models import Case, Count, Exists, F, OuterRef, Q, Subquery, Sum, Value, When
from django.db.models.fields.json import KT, KeyTextTransform, KeyTransform
from django.db.models.functions import Cast, Coalesce, Concat, JSONObject, Length, Lower
from django.test.utils import CaptureQueriesContext

from django_zodb import dbapi
from django_zodb.base import DatabaseWrapper
from django_zodb.errors import DataError, NotSupportedError
from django_zodb.sql.functions import AGGREGATES, FUNCTIONS
from django_zodb.sql.functions import json as documents

# Both are deprecated since Django 6.1, and have to work as long as they are there.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Using percent signs in a column alias", "ignore:Using None as the right-hand side of an exact lookup"
)


def call(name: str, *args: object) -> Any:
    return FUNCTIONS[name].call(*args)


# --- functions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "path", "found", "text"),
    [
        ('{"a": {"b": [10, 20]}}', ("a", "b", "1"), "20", "20"),
        ('{"a": {"b": [10, 20]}}', ("a", "b", "-2"), "10", "10"),
        ('{"a": {"b": [10, 20]}}', ("a", "b", "2"), None, None),
        ('{"a": {"b": [10, 20]}}', ("a", "b", "x"), None, None),
        ('{"a": {"b": [10, 20]}}', ("a", "b", "1", "c"), None, None),
        ('{"a":"é\\n"}', ("a",), '"é\\n"', "é\n"),
        ('{"a": null}', ("a",), "null", None),
        ('{"1": true, "": 1.50}', ("1",), "true", "true"),
        ('{"1": true, "": 1.50}', ("",), "1.5", "1.5"),
        ('["a", "b"]', ("--1",), None, None),
        ('"a"', ("0",), None, None),
        ("[1]", (), "[1]", "[1]"),
        ('"a"', (), '"a"', "a"),
    ],
)
def test_paths(document: str, path: tuple[str, ...], found: str | None, text: str | None) -> None:
    assert call("JSON_EXTRACT_PATH", document, *path) == found
    assert call("JSON_EXTRACT_PATH_TEXT", document, *path) == text


@pytest.mark.parametrize(
    ("whole", "part", "expected"),
    [
        ('"foo"', '"foo"', True),
        ("[1, 2, 3]", "[1, 3]", True),
        ("[1, 2, 3]", "[3, 1]", True),
        ("[1, 2, 3]", "[1, 2, 2]", True),
        ('{"product": "PostgreSQL", "version": 9.4, "jsonb": true}', '{"version": 9.4}', True),
        ("[1, 2, [1, 3]]", "[1, 3]", False),
        ("[1, 2, [1, 3]]", "[[1, 3]]", True),
        ('{"foo": {"bar": "baz"}}', '{"bar": "baz"}', False),
        ('{"foo": {"bar": "baz"}}', '{"foo": {}}', True),
        ('["foo", "bar"]', '"bar"', True),
        ('"bar"', '["bar"]', False),
        ("[1]", "true", False),
        ("[true]", "1", False),
        ("[1.0]", "1", True),
        ('{"a": null}', '{"a": null}', True),
        ("{}", '{"a": null}', False),
        ("[]", "{}", False),
        ("null", "null", True),
        ("false", "0", False),
    ],
)
def test_containment(whole: str, part: str, expected: bool) -> None:
    """The first ten are the examples of PostgreSQL's documentation."""
    assert call("JSON_CONTAINS", whole, part) is expected


@pytest.mark.parametrize(
    ("document", "key", "expected"),
    [
        ('["foo", "bar", "baz"]', "bar", True),
        ('{"foo": "bar"}', "foo", True),
        ('{"foo": "bar"}', "bar", False),
        ('{"foo": {"bar": "baz"}}', "bar", False),
        ('"foo"', "foo", True),
        ("[1]", "1", False),
        ("1", "1", False),
        ("null", "null", False),
    ],
)
def test_keys(document: str, key: str, expected: bool) -> None:
    assert call("JSON_HAS_KEY", document, key) is expected
    assert call("JSON_HAS_ANY_KEY", document, "no", key) is expected
    assert call("JSON_HAS_ALL_KEYS", document, key, key) is expected


ORDERED = """null|""|"a"|"b"|-1|0|0.5|1|10|false|true|[]|[null]|[1]|[1, 1]|{}|{"a": 1}|{"a": true}|{"a": 0, "b": 0}"""


def test_order_is_that_of_jsonb() -> None:
    keys = [call("JSON_COMPARABLE", document) for document in ORDERED.split("|")]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("left", "right", "equal", "one_group"),
    [
        ('{"a":1,"b":[2]}', '{"b": [2], "a": 1}', True, True),
        ("1", "1.0", True, False),
        ("[1]", "[1.0]", True, False),
        ("1", "true", False, False),
        ("[1]", "[true]", False, False),
        ("0", "false", False, False),
        ('"1"', "1", False, False),
        ("[1, 2]", "[2, 1]", False, False),
        ('{"a": 1, "a": 2}', '{"a": 2}', True, True),
        ('"\\u00e9"', '"é"', True, True),
        ("12345678901234567890", "12345678901234567891", False, False),
    ],
)
def test_equality(left: str, right: str, equal: bool, one_group: bool) -> None:
    assert (call("JSON_COMPARABLE", left) == call("JSON_COMPARABLE", right)) is equal
    assert (call("JSON_CANONICAL", left) == call("JSON_CANONICAL", right)) is one_group


def test_documents_of_values() -> None:
    values = [True, 1, 1.5, Decimal("1.50"), 'q"', dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, tzinfo=dt.UTC)]
    assert [call("TO_JSON", value) for value in values] == [
        *("true", "1", "1.5", "1.50", '"q\\""', '"2024-02-29"', '"2024-02-29T00:00:00+00:00"'),
    ]
    assert call("TO_JSON", float("nan")) == '"nan"'
    assert call("JSON_ARRAY") == "[]"
    assert call("JSON_ARRAY", "1", None, "{}") == "[1, null, {}]"
    assert call("JSON_OBJECT", "a", "1", 'b"', None, "a", "2") == '{"a": 2, "b\\"": null}'
    with pytest.raises(DataError, match="a key must not be NULL"):
        call("JSON_OBJECT", None, "1")


def test_concatenation() -> None:
    assert call("JSON_CONCAT", '{"a": 1, "b": 2}', '{"b": 3}') == '{"a": 1, "b": 3}'
    assert call("JSON_CONCAT", "[1]", "[2]", "3") == "[1, 2, 3]"
    assert call("JSON_CONCAT", '{"a": 1}', "[2]") == '[{"a": 1}, 2]'


def test_aggregates() -> None:
    assert AGGREGATES["JSON_AGG"].collect(["1", None]) == "[1, null]"
    assert AGGREGATES["JSON_AGG"].collect([]) is None
    assert AGGREGATES["JSON_OBJECT_AGG"].collect([("a", "1"), ("b", None)]) == '{"a": 1, "b": null}'
    assert AGGREGATES["JSON_MAX"].collect(["2", "10", '"x"']) == "10"
    assert AGGREGATES["JSON_MIN"].collect([]) is None


@pytest.mark.parametrize("text", ["", "{", "NaN", '{"a": Infinity}', "{'a': 1}", "[1,]", "nul", "[" * 100_000])
def test_what_is_no_document(text: str) -> None:
    assert call("JSON_VALID", text) is False
    with pytest.raises(DataError, match="invalid JSON"):
        documents.decoded(text)


def test_documents_are_decoded_once_and_forgotten_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MOST_CHARACTERS", 1000)
    monkeypatch.setattr(documents, "_decoded", memory := documents.Memory())
    monkeypatch.setattr(documents, "_known", memory.values)
    first = documents.decoded('{"n": 0}')
    for number in range(200):
        assert documents.decoded(f'{{"n": {number}}}') == {"n": number}
    assert documents.decoded('{"n": 0}') is first  # a scan of more than fits has not pushed it out
    assert 90 < len(memory.values) < 130
    for number in range(1000):
        documents.decoded(f'{{"n": {number}}}')
    assert documents.decoded('{"n": 0}') is not first
    assert len(memory.values) < 130
    long = f'"{"x" * documents.LONGEST_DOCUMENT}"'
    documents.decoded(long)
    assert long not in memory.values


def test_where_paths_lead_is_remembered_of_a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_by_path", {})
    make = documents.FUNCTIONS["JSON_COMPARABLE"].made[1]  # type: ignore[index]
    paths = [f"p{number}" for number in range(documents.MOST_PATHS + 2)]
    leads = {path: make(path) for path in paths}
    for _ in range(2):
        for number, path in enumerate(paths):
            document = f'{{"{path}": {number}}}'
            assert leads[path](document) == (2, number)
            assert documents._by_path[path,] == {document: (2, number)}
    assert len(documents._by_path) == documents.MOST_PATHS
    forgotten, other = leads["p0"], make("p0")  # two programs, of which only one is among the few
    assert forgotten('{"p0": 7}') == other('{"p0": 7}') == (2, 7)
    assert documents._by_path["p0",] == {'{"p0": 7}': (2, 7)}


# --- SQL -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def cursor() -> Iterator[dbapi.Cursor]:
    connection = dbapi.connect(":memory:json_sql")
    cursor = connection.cursor()
    cursor.execute("DROP TABLE IF EXISTS t")
    cursor.execute("CREATE TABLE t (id integer PRIMARY KEY, d json, n integer)")
    rows = [(1, '{"a": 1, "n": "x"}', 1), (2, '{"a": 2.5}', 2), (3, '{"a": "x"}', 3), (4, None, None)]
    cursor.executemany("INSERT INTO t VALUES (%s, %s, %s)", rows)
    yield cursor
    connection.close()


def rows_of(cursor: dbapi.Cursor, sql: str, *params: object) -> list[Any]:
    cursor.execute(sql, params)
    return [row[0] for row in cursor.fetchall()]


def test_a_document_beside_other_types(cursor: dbapi.Cursor) -> None:
    assert rows_of(cursor, "SELECT id FROM t WHERE d -> 'a' = n") == [1]
    assert rows_of(cursor, "SELECT id FROM t WHERE d -> 'a' > n ORDER BY id") == [2]
    assert rows_of(cursor, "SELECT id FROM t WHERE d -> 'a' = %s", 2.5) == [2]
    assert rows_of(cursor, "SELECT id FROM t WHERE d -> 'a' IN (%s, %s) ORDER BY id", 1, '"x"') == [1, 3]
    assert rows_of(cursor, "SELECT (d -> 'a') + n FROM t WHERE id < 3 ORDER BY id") == [Decimal(2), Decimal("4.5")]
    assert rows_of(cursor, "SELECT CAST(d -> 'a' AS integer) FROM t WHERE id < 3 ORDER BY id") == [1, 3]
    assert rows_of(cursor, "SELECT GREATEST(d -> 'a', '2') FROM t ORDER BY id") == ["2", "2.5", "2", "2"]


def test_one_deep_document_does_not_keep_the_others_from_being_compared(cursor: dbapi.Cursor) -> None:
    deep = '{"a": ' * 600 + "[[1]]" + "}" * 600
    cursor.execute("INSERT INTO t VALUES (5, %s, 5), (6, %s, 6)", (deep, deep.replace("1", "2")))
    assert rows_of(cursor, "SELECT id FROM t WHERE d = %s", '{"a": 2.50}') == [2]
    assert rows_of(cursor, "SELECT id FROM t WHERE d = %s", deep.replace(" ", "")) == [5]
    assert rows_of(cursor, "SELECT id FROM t WHERE d > %s ORDER BY id", deep) == [1, 6]
    assert rows_of(cursor, "SELECT id FROM t WHERE id > 4 ORDER BY d DESC") == [6, 5]
    assert rows_of(cursor, "SELECT id FROM t WHERE d -> 'a' > '2' ORDER BY id") == [2, 5, 6]


def test_functions_of_a_key_are_no_lambdas(cursor: dbapi.Cursor) -> None:
    assert rows_of(cursor, "SELECT COUNT(d -> 'n') FROM t") == [1]
    assert rows_of(cursor, "SELECT COALESCE(d -> 'n', d -> 'a', '0') FROM t ORDER BY id") == ['"x"', "2.5", '"x"', "0"]
    assert rows_of(cursor, "SELECT COALESCE(d -> 'n' ->> 'no', d ->> 'a') FROM t ORDER BY id") == [
        "1",
        "2.5",
        "x",
        None,
    ]


def test_windows_over_keys(cursor: dbapi.Cursor) -> None:
    cursor.execute("SELECT id, RANK() OVER (ORDER BY d -> 'a'), MAX(d -> 'a') OVER (ORDER BY id) FROM t ORDER BY id")
    assert cursor.fetchall() == [(1, 3, "1"), (2, 4, "2.5"), (3, 2, "2.5"), (4, 1, "2.5")]


def test_no_text_but_a_document_is_stored(cursor: dbapi.Cursor) -> None:
    with pytest.raises(DataError, match=r"t\.d: invalid JSON 'x'"):
        cursor.execute("INSERT INTO t VALUES (9, %s)", ("x",))
    cursor.execute("INSERT INTO t VALUES (9, %s)", (5,))
    assert rows_of(cursor, "SELECT d FROM t WHERE id = 9") == ["5"]


def test_an_index_on_a_key_serves_the_filter(cursor: dbapi.Cursor) -> None:
    cursor.execute("CREATE INDEX t_a ON t ((d ->> 'a'))")
    cursor.execute("EXPLAIN SELECT id FROM t WHERE d ->> 'a' = %s", ("x",))
    assert any("t_a" in line for (line,) in cursor.fetchall())
    assert rows_of(cursor, "SELECT id FROM t WHERE d ->> 'a' = %s", "x") == [3]


def test_paths_that_are_not_spoken(cursor: dbapi.Cursor) -> None:
    with pytest.raises(NotSupportedError, match="an array of texts is written"):
        cursor.execute("SELECT d #> %s FROM t", ("{a}",))
    with pytest.raises(NotSupportedError, match="is not supported"):
        cursor.execute("SELECT JSON_SET(d, 'a', 'b') FROM t")


# --- JSONField, beside the one on sqlite3 ----------------------------------------------------------------------------


class Document(models.Model):
    """In a registry of its own, so that no migration is missed."""

    data = models.JSONField(null=True)
    other = models.JSONField(default=dict, db_default=Value({}, models.JSONField()))
    label = models.CharField(max_length=20, null=True)
    number = models.IntegerField(null=True)

    class Meta:
        app_label = "documents"
        apps = Apps()


VALUES: list[Any] = [
    None,
    [],
    {},
    {"a": "b", "c": 14, "z": 1.5},
    {"a": "Bee", "c": 15, "d": ["e", {"f": "g"}], "h": True, "i": False, "j": None, "k": {"l": "m"}},
    {"c": 14.5, "n": [None, True, False], "o": '"quoted"', "p": 4.2, "%total": 10},
    [1, [2], {"x": "y"}],
    {
        "a": "b",
        "k": {"l": "é", "q": [1, 2]},
        "dot.dot": 1,
        "it's": 2,
        'double"': 3,
        "back\\slash": 4,
        "": 5,
    },
    {"a": "B%_\\", "c": -3},
]
ALIASES = ("documents_zodb", "documents_sqlite")


@pytest.fixture(scope="module")
def _connections(django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        settings = {**connections["default"].settings_dict, "NAME": ":memory:documents"}
        connections[ALIASES[0]] = DatabaseWrapper(settings, ALIASES[0])
        settings = {**settings, "ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
        connections[ALIASES[1]] = SqliteWrapper(settings, ALIASES[1])
        for alias in ALIASES:
            with connections[alias].schema_editor() as editor:
                editor.create_model(Document)
            for number, value in enumerate(VALUES):
                Document.objects.using(alias).create(data=value, label="b" if number % 2 else "14", number=number + 10)
            Document.objects.using(alias).create(data=Value(None, models.JSONField()))
        yield
        connections[ALIASES[0]].close()
        connections[ALIASES[1]].connection.close()  # Django does not close a database in memory
        for alias in ALIASES:
            del connections[alias]


@pytest.fixture
def both(_connections: None, db: None) -> Callable[[Callable[[Any], Any]], Any]:
    """The answer that both databases give to a query."""

    def answer(query: Callable[[Any], Any]) -> Any:
        ours, theirs = (_listed(query(Document.objects.using(alias).order_by("pk"))) for alias in ALIASES)
        assert ours == theirs
        assert repr(ours) == repr(theirs)  # 1, 1.0 and True differ
        return ours

    return answer


def _listed(found: Any) -> Any:
    return list(found) if isinstance(found, models.QuerySet) else found


PATHS: list[str] = [
    "a",
    "c",
    "d",
    "d__0",
    "d__1__f",
    "j",
    "k",
    "k__l",
    "k__q__1",
    "0",
    "2__x",
    "no",
    "%total",
]


@pytest.mark.parametrize("path", PATHS)
def test_values_of_keys(both: Any, path: str) -> None:
    both(lambda documents: documents.values_list("pk", f"data__{path}"))
    both(lambda documents: documents.annotate(key=F(f"data__{path}")).values_list("key", flat=True))
    both(lambda documents: documents.filter(**{f"data__{path}__isnull": True}).values_list("pk", flat=True))
    both(lambda documents: documents.filter(**{f"data__{path}__isnull": False}).values_list("pk", flat=True))


LOOKUPS: list[tuple[str, Any]] = [
    ("data", {}),
    ("data", []),
    ("data", {"a": "b", "c": 14, "z": 1.5}),
    ("data", None),
    ("data__isnull", True),
    ("data__icontains", "BEE"),
    ("data__a", "b"),
    ("data__a", None),
    ("data__c", 14),
    ("data__c", 14.5),
    ("data__c__gt", 14),
    ("data__c__gte", 14.5),
    ("data__c__lt", 14.2),
    ("data__c__lte", -3),
    ("data__c__in", [14, 15, "x"]),
    ("data__a__in", ["b", "Bee"]),
    ("data__h", True),
    ("data__i", False),
    ("data__h__in", [True, 1]),
    ("data__d__1__f", "g"),
    ("data__k", {"l": "m"}),
    ("data__k__l__in", ["m", "é"]),
    ("data__1__0", 2),
    ("data__a__iexact", "bEE"),
    ("data__a__icontains", "e"),
    ("data__a__startswith", "Be"),
    ("data__a__istartswith", "B"),
    ("data__a__endswith", "e"),
    ("data__a__iendswith", "E"),
    ("data__a__regex", "^b$"),
    ("data__a__iregex", "^b"),
    ("data__a__startswith", "B%_"),
    ("data__o", '"quoted"'),
    ("data__has_key", "a"),
    ("data__has_key", "dot.dot"),
    ("data__has_key", "back\\slash"),
    ("data__has_key", ""),
    ("data__has_key", "j"),
    ("data__has_keys", ["a", "k"]),
    ("data__has_any_keys", ["z", "p", "no"]),
    ("data__k__has_key", "q"),
    ("data__has_key", KeyTransform("l", KeyTransform("k", "data"))),
    ("data__%total", 10),
    ("data__it's", 2),
]


@pytest.mark.parametrize(("lookup", "value"), LOOKUPS)
def test_lookups(both: Any, lookup: str, value: Any) -> None:
    both(lambda documents: documents.filter(**{lookup: value}).values_list("pk", flat=True))
    both(lambda documents: documents.exclude(**{lookup: value}).values_list("pk", flat=True))
    both(lambda documents: documents.filter(~Q(**{lookup: value}) | Q(pk=1)).values_list("pk", flat=True))


QUERIES: list[Callable[[Any], Any]] = [
    lambda documents: documents.filter(data__c__isnull=False).order_by("data__c").values_list("data__c", flat=True),
    lambda documents: documents.filter(data__c__isnull=False).order_by("-data__c").values_list("pk", flat=True),
    lambda documents: documents.order_by(KT("data__a"), "pk").values_list("pk", flat=True),
    lambda documents: documents.annotate(key=KT("data__k__l")).filter(key__startswith="m").values_list("key", "pk"),
    lambda documents: documents.annotate(key=Length(KT("data__a"))).values_list("key", flat=True),
    lambda documents: documents.annotate(key=Lower(KeyTextTransform("a", "data"))).values_list("key", flat=True),
    lambda documents: (
        documents.order_by().values("data__a").annotate(n=Count("pk")).order_by("n", "data__a").values("n")
    ),
    lambda documents: documents.order_by().values("data__h").annotate(n=Count("data__h")).order_by("n").values("n"),
    lambda documents: documents.order_by("data__k__l").values_list("data__k__l", flat=True).distinct().count(),
    lambda documents: documents.filter(data__a=F("data__a")).values_list("pk", flat=True),
    lambda documents: documents.filter(data__a=F("label")).values_list("pk", flat=True),
    lambda documents: documents.filter(label=F("data__a")).values_list("pk", flat=True),
    lambda documents: documents.filter(data__c__gt=F("number")).values_list("pk", flat=True),
    lambda documents: documents.filter(number__gt=F("data__c")).values_list("pk", flat=True),
    lambda documents: documents.filter(data__c__in=[F("number"), 14]).values_list("pk", flat=True),
    lambda documents: documents.aggregate(
        total=Sum("data__c", output_field=models.FloatField()), n=Count("data__c"), d=Count("data__a", distinct=True)
    ),
    lambda documents: documents.annotate(made=JSONObject(id="pk", label=Lower("label"), n=F("number"))).values("made"),
    lambda documents: documents.annotate(made=JSONObject(a=JSONObject(b="label"), c=Value(1))).values("made"),
    lambda documents: documents.annotate(
        made=JSONObject(**{"per%cent": "label", 'quo"te': "number"}),
    ).values_list("made", flat=True),
    lambda documents: documents.annotate(c=Cast(KT("data__c"), models.FloatField())).filter(c__gt=14).values("c"),
    lambda documents: documents.annotate(d=Cast(Value('{"x": [1]}'), models.JSONField())).filter(d__x__0=1).count(),
    lambda documents: documents.annotate(d=Value({"foo": "bar"}, models.JSONField())).filter(d__foo="bar").count(),
    lambda documents: documents.annotate(k=F("data__k"), l=F("k__l")).filter(l="m").values_list("l", flat=True),
    lambda documents: documents.annotate(
        s=Subquery(Document.objects.filter(pk=OuterRef("pk")).values("data")), l=KT("s__k__l")
    ).values_list("l", flat=True),
    lambda documents: documents.filter(
        Exists(Document.objects.filter(data__a=OuterRef("data__a"), pk__lt=OuterRef("pk")))
    ).values_list("pk", flat=True),
    lambda documents: documents.filter(pk__in=documents.filter(data__c=14).order_by().values("pk")).count(),
    lambda documents: documents.annotate(
        c=Case(When(data__c__gt=14, then=Value("much")), When(data__has_key="c", then=Value("little")))
    ).values_list("c", flat=True),
    lambda documents: documents.annotate(
        t=Coalesce(KT("data__a"), KT("data__k__l"), Value("none"), output_field=models.TextField())
    ).values("t"),
    lambda documents: documents.annotate(
        t=Concat(KT("data__a"), Value("-"), KT("data__c"), output_field=models.TextField())
    ).values("t"),
    lambda documents: documents.filter(other={}).count(),
    lambda documents: documents.values_list("data", flat=True),
]


@pytest.mark.parametrize("query", QUERIES)
def test_queries(both: Any, query: Callable[[Any], Any]) -> None:
    assert both(query) not in ([], None)


def test_writing(both: Any) -> None:
    def written(documents: Any) -> Any:
        objects = [Document(pk=100 + n, data={"n": n}, other=[n]) for n in range(3)]
        Document.objects.using(documents.db).bulk_create(objects)
        objects[0].data["n"] = "changed"
        objects[1].data = None
        Document.objects.using(documents.db).bulk_update(objects, ["data", "other"])
        mine = documents.filter(pk__gte=100)
        mine.filter(data__n=2).update(data={"n": [2]}, other=F("data"))
        mine.filter(pk=101).update(other=Value(None, models.JSONField()))
        found = list(mine.values_list("data", "other"))
        mine.delete()
        return found

    assert both(written) == [({"n": "changed"}, [0]), (None, None), ({"n": [2]}, {"n": 2})]


@pytest.fixture
def ours(_connections: None, db: None) -> Any:
    return Document.objects.using(ALIASES[0]).order_by("pk")


def test_what_sqlite_has_not(ours: Any) -> None:
    pks = [*ours.values_list("pk", flat=True)]
    assert [*ours.filter(data__contains={"a": "b"}).values_list("pk", flat=True)] == [pks[3], pks[7]]
    assert [*ours.filter(data__contained_by={"a": "b", "c": 14, "z": 1.5}).values_list("pk", flat=True)] == pks[2:4]
    assert ours.filter(data__d__contains="e").count() == 1
    assert ours.filter(data__d__contains={"f": "g"}).count() == 0
    assert ours.filter(data__contains=F("data__k")).count() == 0
    assert ours.filter(data__c=14.0).count() == 1
    assert ours.filter(data={"z": 1.5, "c": 14.0, "a": "b"}).count() == 1
    assert ours.filter(data__has_keys=["c", "%total"]).count() == 1
    assert ours.filter(**{'data__double"': 3}).count() == ours.filter(data__has_key='double"').count() == 1
    assert ours.filter(data__2__x="y").count() == ours.filter(**{"data__-1__x": "y"}).count() == 1


@pytest.mark.parametrize(
    "key",
    [
        "x') OR 1=1 --",
        "x'' OR ''",
        'x") = 1 OR ("y',
        "%s",
        "%(name)s",
        "%%",
        "{0}",
        "\\' OR 1=1 --",
        "$$",
        "?",
        ":p0",
        "/*",
    ],
)
def test_keys_are_no_sql(ours: Any, key: str) -> None:
    made = Document.objects.using(ALIASES[0]).create(data={key: {"inner": [key]}}, label="made")
    try:
        for condition in (
            Q(**{f"data__{key}__inner__0": key}),
            Q(data__has_key=key),
            Q(data__has_keys=[key]),
            Q(data__has_any_keys=[key, "no"]),
            Q(data__contains={key: {}}),
            Q(data__has_key=KeyTransform("inner", KeyTransform(key, "data"))),
        ):
            assert [*ours.filter(condition)] == [made]
        assert ours.annotate(value=KeyTransform(key, "data")).get(pk=made.pk).value == {"inner": [key]}
        assert ours.annotate(text=KT(f"data__{key}__inner__0")).get(text=key) == made
    finally:
        made.delete()


def test_a_nul_in_a_key_is_refused(ours: Any) -> None:
    with pytest.raises(Exception, match="NUL"):
        ours.filter(**{"data__a\0b": 1}).count()


def test_a_key_is_one_program_and_one_path(ours: Any) -> None:
    with CaptureQueriesContext(connections[ALIASES[0]]) as queries:
        ours.filter(data__k__l="m").count()
    assert """(("documents_document"."data" -> 'k') -> 'l') = '"m"'""" in queries[0]["sql"]
    assert "json_comparable(documents_document.data, 'k', 'l')" in ours.filter(data__k__l="m").explain()


def test_wrong_documents_are_errors(ours: Any) -> None:
    with pytest.raises(DjangoDataError, match="invalid JSON"):
        ours.filter(pk=2).update(data=F("label"))
