"""`make bench`: every figure that README and documentation quote, one benchmark after the other (about an hour)."""

import subprocess
import sys

BENCHMARKS = (
    ("bench.webhook",),
    ("bench.confirmation",),
    ("bench.keywords",),
    ("bench.numbers",),
    ("bench.texts",),
    ("bench.contacts",),
    ("bench.lists",),
    ("bench.console",),
    ("bench.imports_api",),
    *(("bench.store", part) for part in ("memory", "check", "imports", "latency", "cluster")),
)

for name, *arguments in BENCHMARKS:
    print(f"\n=== python -m {' '.join((name, *arguments))}\n", flush=True)
    subprocess.run([sys.executable, "-m", name, *arguments], check=True)
