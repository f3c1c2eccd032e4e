"""Planted faults: does the test suite notice?

``faults`` holds small changes for the worse; ``python -m planted`` (in ``tests``; ``make mutants``) makes each of them
in a copy of the package and runs the golden files and the fuzzers against it.
"""
