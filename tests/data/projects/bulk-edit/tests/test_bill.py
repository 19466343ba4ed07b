"""Tests of the shop that do not name the functions that are renamed."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "src"))

from shop import bill  # noqa: E402


class Bill(unittest.TestCase):
    """The bill."""

    def test_lines(self):
        """A bill ends with total and tax."""
        self.assertEqual(bill.lines([100, 150]), ["total 250", "tax 50"])
