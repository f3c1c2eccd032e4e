"""The same project; the processes of parallel tests begin as ``START_METHOD`` says, whatever this Python's way is."""

import multiprocessing
import os

from django_project.settings import *  # noqa: F403

multiprocessing.set_start_method(os.environ["START_METHOD"], force=True)
