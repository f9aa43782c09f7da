"""A Django test runner that writes what became of each test to the file SUITE_OUTCOMES names."""

from __future__ import annotations

import json
import os
import unittest
from pathlib import Path
from typing import Any

from django.test.runner import DiscoverRunner


class Runner(DiscoverRunner):  # type: ignore[misc]
    """As Django's own, which runs the suite as it is."""

    def run_suite(self, suite: unittest.TestSuite, **given: Any) -> Any:
        """Run it, and keep the name of each test with the last line of what went wrong."""
        names = [test.id() for test in suite]
        result = super().run_suite(suite, **given)
        wrong = {
            test.id(): told.strip().splitlines()[-1]
            for test, told in (*result.errors, *result.failures)
        }
        skipped = {test.id(): why for test, why in result.skipped}
        told = {"names": names, "wrong": wrong, "skipped": skipped}
        Path(os.environ["SUITE_OUTCOMES"]).write_text(json.dumps(told))
        return result
