"""Prices in cents."""


def get_total(prices):
    """Return the sum."""
    return sum(prices)


def get_tax(prices):
    """Return a fifth of the sum, rounded down."""
    return get_total(prices) // 5
