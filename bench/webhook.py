"""Inbound STOPs a second, durable before they are answered, beside bare Flask on the same server in the same run.

    python -m bench.webhook [--seconds 4] [--rounds 3]

Everything is on this machine: gunicorn with a process a core and 16 threads, the embedded Valkey with appendfsync
always, workers and sweeper for the rounds that answer. Each STOP is a signed webhook of 20 parameters from another
person, so each one is decided, written, journalled and flushed to disk before its 200.
"""

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

from bench.load import Load, measure
from gateway.carriers.twilio_signature import signature

ACCOUNT, TOKEN, PUBLIC_URL = "AC" + "a" * 32, "0" * 32, "https://texts.example.com"
DIRECTORY = """
[[accounts]]
id = "bench"
name = "Bench"
senders = [
    { address = "+12025550171", carrier = "twilio", kind = "long_code", keywords_handled_by = "carrier" },
    { address = "+12025550172", carrier = "twilio", kind = "long_code", keywords_handled_by = "gateway" },
]
"""
HELLO = "from flask import Flask\napp = Flask(__name__)\napp.get('/hello')(lambda: 'hello')\n"
_numbers = itertools.count()


def stop(sender: str) -> bytes:
    """A signed webhook: STOP from a person who has not texted before."""
    number = next(_numbers)
    sid = f"SM{number:032x}"
    form = {
        "ToCountry": "US", "ToState": "CA", "SmsMessageSid": sid, "NumMedia": "0", "ToCity": "SAUSALITO",
        "FromZip": "94103", "SmsSid": sid, "FromState": "CA", "SmsStatus": "received", "FromCity": "SAN FRANCISCO",
        "Body": "STOP", "FromCountry": "US", "To": sender, "ToZip": "94965", "NumSegments": "1", "MessageSid": sid,
        "AccountSid": ACCOUNT, "From": f"+1{2000000000 + number * 7919 % 7999999999}", "ApiVersion": "2010-04-01",
    }  # fmt: skip
    path = "/webhooks/twilio/inbound"
    body = urlencode(form).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: texts.example.com\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"X-Twilio-Signature: {signature(TOKEN, PUBLIC_URL + path, form.items())}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def environment(data: Path) -> dict[str, str]:
    """The settings of an installation that is only measured: its carrier is nobody."""
    return {
        **os.environ,
        "STOPGATE_DATA": str(data),
        "STOPGATE_PUBLIC_URL": PUBLIC_URL,
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_API_BASE_URL": "http://127.0.0.1:9",
    }


@contextmanager
def running(command: list[str], port: int, path: str, environment: dict[str, str]) -> Iterator[None]:
    """A server, once it answers."""
    with open(os.devnull, "wb") as nowhere:
        process = subprocess.Popen(command, env=environment, stdout=nowhere, stderr=nowhere)
    try:
        for _ in range(600):
            try:
                urlopen(f"http://127.0.0.1:{port}{path}", timeout=2).read()
                break
            except OSError:
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def hello_server(folder: Path, port: int) -> list[str]:
    """Bare Flask on the same server with the same options."""
    (folder / "hello.py").write_text(HELLO, encoding="utf-8")
    return [
        sys.executable, "-m", "gunicorn", "--chdir", str(folder), "-b", f"127.0.0.1:{port}", "-w", str(os.cpu_count()),
        "--threads", "16", "-k", "gthread", "--keep-alive", "15", "--no-control-socket", "--log-level", "error", "hello:app",
    ]  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        settings = environment(data)
        (Path(folder) / "accounts.toml").write_text(DIRECTORY, encoding="utf-8")
        stopgate = [sys.executable, "-m", "gateway.cli"]
        subprocess.run([*stopgate, "apply", f"{folder}/accounts.toml"], env=settings, check=True, capture_output=True)
        with (
            running(hello_server(Path(folder), 8801), 8801, "/hello", dict(os.environ)),
            running([*stopgate, "up", "--port", "8802"], 8802, "/readyz", settings),
        ):
            report(options.seconds, options.rounds, options.connections)


def report(seconds: float, rounds: int, connections: int) -> None:
    """Measure the three in turn, several times, and print medians and ratios."""
    hello = b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
    found: dict[str, list[Load]] = {}
    for _ in range(rounds):
        count = int(seconds * 6000)
        rows = (
            ("bare Flask hello", 8801, [hello] * count),
            ("STOP, the carrier answers", 8802, [stop("+12025550171") for _ in range(count // 3)]),
            ("STOP, we answer (with worker)", 8802, [stop("+12025550172") for _ in range(count // 3)]),
        )
        for name, port, requests in rows:
            load = measure(port, requests, connections=connections, seconds=seconds)
            found.setdefault(name, []).append(load)
            print(f"{name:32} {load}", flush=True)
    floor = statistics.median(load.rate for load in found["bare Flask hello"])
    print(f"\nMedian of {rounds} rounds, {connections} connections, {os.cpu_count()} cores:")
    print(f"{'':32} {'req/s':>7} {'ratio':>6} {'p50 ms':>8} {'p99 ms':>8}")
    for name, loads in found.items():
        rate, p50, p99 = (
            statistics.median(values)
            for values in zip(*((load.rate, load.percentile(50), load.percentile(99)) for load in loads), strict=True)
        )
        print(f"{name:32} {rate:7.0f} {rate / floor:6.2f} {p50:8.1f} {p99:8.1f}")


if __name__ == "__main__":
    main()
