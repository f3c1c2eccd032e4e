"""Random numbers of the engine's own: whoever has seeded Python's common generator relies on what that gives."""

from __future__ import annotations

import random

from .threads import in_forked_child

CHANCE = random.Random()

in_forked_child(CHANCE.seed)  # else all children would pause for the same times, and meet again
