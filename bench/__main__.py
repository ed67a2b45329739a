"""`make bench`: every figure that README and documentation quote, one benchmark after the other."""

import subprocess
import sys

BENCHMARKS = ("bench.webhook", "bench.confirmation", "bench.keywords")

for name in BENCHMARKS:
    print(f"\n=== python -m {name}\n", flush=True)
    subprocess.run([sys.executable, "-m", name], check=True)
