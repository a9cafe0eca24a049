"""The payment providers of the example: which one an order goes to, and what it answers.

Everything follows from the order's number by a hash, so a repeated run of the demo meets the same fate,
and the check knows what had to happen. Only a broken provider is a matter of state: its name stands in
the file `broken-providers` of the ledger directory, one a line, until it is mended.
"""
import hashlib
import os

BROKEN_FILE = "broken-providers"
SMALL_PROVIDER = "harbourpay"
_DECLINED_SHARE = 0.03
_UNAVAILABLE_SHARE = 0.08


def _share(*parts):
    digest = hashlib.sha256("/".join(str(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def provider_of(order):
    return SMALL_PROVIDER if _share("provider", order) < 0.04 else "northbank"


def is_declined(order):
    return _share("declined", order) < _DECLINED_SHARE


def is_unavailable(order, attempt):
    """Now and then a provider does not answer; never more than twice for one order."""
    return attempt <= 2 and _share("unavailable", order, attempt) < _UNAVAILABLE_SHARE


def broken_providers(ledger_directory):
    try:
        with open(os.path.join(ledger_directory, BROKEN_FILE), encoding="utf-8") as file:
            return set(file.read().split())
    except FileNotFoundError:
        return set()


def break_provider(ledger_directory, provider=SMALL_PROVIDER):
    with open(os.path.join(ledger_directory, BROKEN_FILE), "w", encoding="utf-8") as file:
        file.write(provider + "\n")


def mend_providers(ledger_directory):
    """Returns those that were broken."""
    broken = broken_providers(ledger_directory)
    if broken:
        os.remove(os.path.join(ledger_directory, BROKEN_FILE))
    return broken


def is_valid(order):
    """As the order worker sees it."""
    lines = order.get("lines")
    return (order.get("order") not in (None, "") and isinstance(lines, list) and bool(lines)
            and all(isinstance(line, dict) and isinstance(line.get("quantity"), (int, float))
                    and line["quantity"] > 0 for line in lines))


def expected_outcome(order):
    """Where an order must end once its provider works."""
    if not is_valid(order):
        return "rejected"
    if is_declined(order["order"]):
        return "cancelled"
    # "shipped": null: it was paid for and never left.
    return "refunded" if "shipped" in order and order["shipped"] is None else "completed"
