"""The same project; its tests run on a data file, in the folder that the environment names."""

import os

from django_project.settings import *  # noqa: F403

_folder = os.environ["DATA_FOLDER"]
DATABASES = {
    alias: {"ENGINE": "django_zodb", "NAME": f"{_folder}/{alias}.fs", "TEST": {"NAME": f"{_folder}/test_{alias}.fs"}}
    for alias in ("default", "other")
}
