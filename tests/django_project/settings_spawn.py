"""The same project; parallel tests start fresh processes instead of forking."""

import multiprocessing

from django_project.settings import *  # noqa: F403

multiprocessing.set_start_method("spawn", force=True)
