"""Rows that a migration writes."""

from django.db import migrations


def add(apps, schema_editor):
    apps.get_model("django_project", "Genre").objects.using(schema_editor.connection.alias).create(name="Novel")


def remove(apps, schema_editor):
    apps.get_model("django_project", "Genre").objects.using(schema_editor.connection.alias).filter(
        name="Novel"
    ).delete()


class Migration(migrations.Migration):
    dependencies = [("django_project", "0001_models")]
    operations = [migrations.RunPython(add, remove)]
