"""Types queries into django-sql-explorer's playground; prints as JSON what came of each."""

import json

import django
from django.test import Client
from django.test.utils import setup_test_environment

django.setup()
setup_test_environment()  # so that responses keep their contexts

from django.core.management import call_command  # noqa: E402

from all_apps.models import Member, Note  # noqa: E402

QUERIES = {
    "join": (
        "SELECT m.username, COUNT(*) AS notes, AVG(n.stars) FROM all_apps_note n\n"
        "JOIN all_apps_member m ON m.id = n.owner_id -- whose\nGROUP BY m.username ORDER BY notes DESC"
    ),
    "with": "WITH best AS (SELECT text, RANK() OVER (ORDER BY stars DESC) AS place FROM all_apps_note) "
    "SELECT * FROM best WHERE place = 1",
    "percent": "SELECT text FROM all_apps_note WHERE text LIKE '%2%'",
    "tables": "SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'all_apps%' ORDER BY 1 LIMIT 2",
    "wrong": "SELECT nothing FROM all_apps_note",
}


def played(client: Client, sql: str) -> dict[str, object]:
    """What the playground shows: headers and rows, or the error."""
    response = client.post("/explorer/play/", {"sql": sql, "database_connection": 1, "title": "x"})
    assert response.status_code == 200, response.status_code
    context = response.context
    rows = [[str(value) for value in row] for row in context["data"] or ()]
    return {"error": context["error"], "headers": [str(each) for each in context["headers"] or ()], "rows": rows}


def main() -> None:
    call_command("migrate", verbosity=0)
    owner = Member.objects.create_superuser("ann", password="secret")
    for number in range(3):
        Note.objects.create(text=f"note {number}", stars=number + 1, owner=owner)
    client = Client()
    client.force_login(owner)
    found: dict[str, object] = {name: played(client, sql) for name, sql in QUERIES.items()}
    schema = client.get("/explorer/schema/1")
    found["schema"] = (schema.status_code, "all_apps_note" in schema.content.decode())
    data = {"title": "stars", "sql": "SELECT text, stars FROM all_apps_note ORDER BY 2", "database_connection": 1}
    client.post("/explorer/new/", data, follow=True)
    found["csv"] = client.get("/explorer/1/download?format=csv").content.decode("utf-8-sig").split()
    print(json.dumps(found))


main()
