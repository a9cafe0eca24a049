"""Where the demo is: its server's address and its workers' ledger."""
import os

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
DEMO = os.path.join(ROOT, "build", "demo")
CURRENT = os.path.join(DEMO, "current")  # a link to the directory of the last demo


def url_of(directory):
    try:
        with open(os.path.join(directory, "url"), encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return None


def add_arguments(parser):
    parser.add_argument("--demo", default=CURRENT, help="the demo's directory (the last one's)")
    parser.add_argument("--server", help="the server's address (the demo's)")


def resolve(parser, given):
    """(url, ledger directory), or an end with a sentence."""
    url = given.server or url_of(given.demo)
    ledger_directory = os.path.join(given.demo, "ledger")
    if url is None or not os.path.isdir(ledger_directory):
        parser.exit(2, f"{given.demo}: there is no demo; start one with `make demo`\n")
    return url, ledger_directory
