"""Bills."""

from shop.price import get_tax, get_total


def lines(prices):
    """Return the bill's last two lines."""
    return [f"total {get_total(prices)}", f"tax {get_tax(prices)}"]
