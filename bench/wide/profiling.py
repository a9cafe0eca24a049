"""Where the server's time goes at full load: by thread, by what it was doing, and as a flame graph. Needs perf."""
import collections
import html
import os
import shutil
import subprocess
import time

from server import DATA, ROOT, Server

SECONDS = 5
# The first that stands in the name of the innermost function.
PREFIXES = (("sluice::api", "api: sockets, stream, requests"), ("sluice::orchestrator", "orchestrator: engine and interpreter"),
            ("sluice::queue", "queue"), ("sluice::storage", "storage"), ("sluice::workflows", "workflows: paths, templates"),
            ("boost::", "Asio and Beast"), ("nlohmann", "JSON"), ("sluice", "base: documents, JSON text"), ("fmt", "formatting"))
NETWORK = ("tcp", "inet", "sock", "skb", "net_", "ip_", "__ip", "loopback", "ep_", "epoll", "__tcp", "__sk", "sk_")
DISK = ("ext4", "jbd2", "blk", "bio", "iomap", "vfs_fsync", "filemap", "writeback", "folio", "virtio", "virtblk", "__folio", "pagecache")


def kind_of(symbol, library):
    if "kernel" in library:
        if symbol.startswith(NETWORK):
            return "kernel: network"
        return "kernel: files and disk" if symbol.startswith(DISK) else "kernel: the rest"
    if "sqlite" in library:
        return "SQLite"
    if "libcrypto" in library:
        return "libcrypto: tokens' MACs"
    if any(word in symbol for word in ("malloc", "_int_free", "cfree", "operator new", "operator delete", "calloc", "realloc")):
        return "allocator"
    for prefix, kind in PREFIXES:
        if prefix in symbol:
            return kind
    return "libc, libstdc++, the rest"


def stacks_of(text):
    """[(thread, [(symbol, library), …] outermost first)] of what `perf script -F comm,ip,sym,dso` says."""
    stacks = []
    for block in text.split("\n\n"):
        lines = block.strip("\n").split("\n")
        frames = []
        for line in lines[1:]:
            _, _, rest = line.strip().partition(" ")
            symbol, _, library = rest.rpartition(" (")
            frames.append((symbol or "?", os.path.basename(library.rstrip(")")) if "[" not in library else library.rstrip(")")))
        if frames:
            stacks.append((lines[0].strip(), frames[::-1]))
    return stacks


def shorten(symbol):
    """Without arguments and template parameters."""
    out, depth = "", 0
    for letter in symbol:
        depth += letter in "<("
        if depth == 0:
            out += letter
        depth -= letter in ">)" and depth > 0
    return out.replace("sluice::", "") or symbol[:40]


def flame_graph(stacks, path, width=1_100, row=16, least=0.003):
    """Boxes as wide as their share of the samples, callers below what they call."""
    root = {"count": len(stacks), "under": {}}
    for thread, frames in stacks:
        node = root
        for name in [thread] + [shorten(symbol) for symbol, _ in frames]:
            node = node["under"].setdefault(name, {"count": 0, "under": {}})
            node["count"] += 1
    boxes = []

    def place(node, name, x, level):
        share = node["count"] / root["count"]
        if share < least:
            return
        boxes.append((name, x, share, level))
        for child, under in sorted(node["under"].items()):
            place(under, child, x, level + 1)
            x += under["count"] / root["count"]

    place(root, "all", 0.0, 0)
    high = (max(level for *_, level in boxes) + 1) * row
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {high}" font-family="monospace" font-size="11">']
    for name, x, share, level in boxes:
        y, label = high - (level + 1) * row, html.escape(name)
        shade = 90 + sum(name.encode()) % 110
        out.append(f'<g><title>{label}: {100 * share:.1f} %</title><rect x="{x * width:.1f}" y="{y}" width="{share * width:.1f}" '
                   f'height="{row - 1}" fill="rgb(230,{shade},70)"/>')
        letters = int(share * width / 7)
        if letters > 3:
            out.append(f'<text x="{x * width + 2:.1f}" y="{y + 11}">{html.escape(name[:letters])}</text>')
        out.append("</g>")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n</svg>\n")


def profile(_options):
    """The shares of the server's CPU time, and its flame graph."""
    if shutil.which("perf") is None:
        print("bench-wide:   perf is not installed (linux-perf); left out", flush=True)
        return None
    samples = os.path.join(DATA, "perf.data")
    with Server() as server:
        load = server.driving(in_flight=512, warm_up=1, seconds=SECONDS + 2)
        time.sleep(1.5)
        subprocess.run(["perf", "record", "-q", "-e", "cpu-clock", "-F", "499", "-g", "-p", str(server.process.pid), "-o", samples,
                        "--", "sleep", str(SECONDS)], check=True, capture_output=True)
        load.communicate()
        text = subprocess.run(["perf", "script", "-i", samples, "-F", "comm,ip,sym,dso"], check=True, capture_output=True,
                              text=True, errors="replace").stdout
    stacks = stacks_of(text)
    kinds = collections.Counter(kind_of(*frames[-1]) for _, frames in stacks)
    threads = collections.Counter(thread for thread, _ in stacks)
    functions = collections.Counter(shorten(frames[-1][0]) for _, frames in stacks)
    flame_graph(stacks, os.path.join(ROOT, "docs", "figures", "flame.svg"))
    return {"samples": len(stacks), **{name: [[what, count / len(stacks)] for what, count in counter.most_common(20)]
                                       for name, counter in (("kinds", kinds), ("threads", threads), ("functions", functions))}}
