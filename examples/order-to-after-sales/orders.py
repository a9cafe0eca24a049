"""Orders: read from JSON lines or made up, and started as runs."""
import json
import random
import sys
import time

import sluice

WORKFLOW = "order-to-after-sales"
BATCH = 100
PRODUCTS = [("Queso Cabrales", 14.0), ("Tofu", 18.6), ("Manjimup Dried Apples", 42.4), ("Gnocchi di nonna Alice", 30.4),
            ("Rössle Sauerkraut", 36.4), ("Côte de Blaye", 210.8), ("Chai", 14.4), ("Gumbär Gummibärchen", 24.9)]
CUSTOMERS = [("VINET", "Vins et alcools Chevalier", "France"), ("TOMSP", "Toms Spezialitäten", "Germany"),
             ("HANAR", "Hanari Carnes", "Brazil"), ("FOLKO", "Folk och fä HB", "Sweden"),
             ("WOLZA", "Wolski Zajazd", "Poland"), ("SANTG", "Santé Gourmet", "Norway")]
SHIPPERS = ["Speedy Express", "United Package", "Federal Shipping"]


def plausible_orders(count, seed=1):
    """Made up, the same for the same seed; one in forty never ships."""
    chance = random.Random(seed)
    for number in range(1, count + 1):
        customer, company, country = chance.choice(CUSTOMERS)
        lines = [{"product": PRODUCTS.index(product) + 1, "name": product[0], "unit_price": product[1],
                  "quantity": chance.randint(1, 40), "discount": 0.0}
                 for product in chance.sample(PRODUCTS, chance.randint(1, 3))]
        yield {"order": number, "customer": customer, "company": company, "placed": "1996-07-04",
               "shipped": None if number % 40 == 0 else "1996-07-16", "shipper": chance.choice(SHIPPERS),
               "ship_to": {"name": company, "country": country}, "lines": lines,
               "total": round(sum(line["unit_price"] * line["quantity"] for line in lines), 2)}


def read_orders(file, name):
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            order = json.loads(line)
        except ValueError as error:
            sys.exit(f"{name}:{number}: not JSON: {error}")
        if not isinstance(order, dict) or order.get("order") in (None, ""):
            sys.exit(f'{name}:{number}: expected an object with an "order", its number')
        yield order


def start_item(order):
    item = {"name": str(order["order"]), "input": order}
    if order.get("customer"):
        item["labels"] = {"customer": str(order["customer"])}
    return item


def start_batch(client, orders, patience_seconds=60.0):
    """Yields (order, result) until each has an answer; what is refused for a while, or unanswered, is repeated."""
    waiting = list(orders)
    until = time.monotonic() + patience_seconds
    pause = 0.05
    while waiting:
        try:
            results = client.request("POST", f"/workflows/{WORKFLOW}/runs:batch",
                                     {"items": [start_item(order) for order in waiting]})["items"]
        except (sluice.TransportError, sluice.ApiError) as error:
            if isinstance(error, sluice.ApiError) and error.status not in (429, 503) or time.monotonic() > until:
                raise
            results = [{"status": 503}] * len(waiting)
        later = []
        for order, result in zip(waiting, results):
            if result["status"] in (429, 503) and time.monotonic() < until:
                later.append(order)
            else:
                yield order, result
        if later:
            time.sleep(pause)
            pause = min(2 * pause, 1.0)
        waiting = later
