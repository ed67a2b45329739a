"""Time from the answer to a STOP until its confirmation is at the carrier, on an idle machine.

    python -m bench.confirmation [--stops 100] [--every 0.2]

A whole installation (`stopgate up`) with its workers; the carrier is a small HTTP server that notes when a
message reaches it.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

from bench.webhook import ACCOUNT, DIRECTORY, environment, running, stop


class _Carrier(BaseHTTPRequestHandler):
    arrived: dict[str, float]
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        now = time.perf_counter()
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.arrived[form["To"][0]] = now
        answer = json.dumps({"sid": f"SM{len(self.arrived):032x}", "status": "queued", "account_sid": ACCOUNT}).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def answered(port: int, request: bytes) -> tuple[str, float]:
    """Send a webhook; returns who texted and when it was answered."""
    person = parse_qs(request.split(b"\r\n\r\n", 1)[1].decode())["From"][0]
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request)
        head = connection.recv(65536)
        assert head.startswith(b"HTTP/1.1 200"), head
    return person, time.perf_counter()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stops", type=int, default=100)
    parser.add_argument("--every", type=float, default=0.2, help="Seconds between two.")
    options = parser.parse_args()
    arrived: dict[str, float] = {}
    carrier = ThreadingHTTPServer(("127.0.0.1", 0), type("Carrier", (_Carrier,), {"arrived": arrived}))
    threading.Thread(target=carrier.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        settings = environment(Path(folder) / "data")
        settings["TWILIO_API_BASE_URL"] = f"http://127.0.0.1:{carrier.server_address[1]}"
        (Path(folder) / "accounts.toml").write_text(DIRECTORY, encoding="utf-8")
        stopgate = [sys.executable, "-m", "gateway.cli"]
        subprocess.run([*stopgate, "apply", f"{folder}/accounts.toml"], env=settings, check=True, capture_output=True)
        with running([*stopgate, "up", "--port", "8803"], 8803, "/readyz", settings):
            time.sleep(5)
            sent = []
            for _ in range(options.stops):
                sent.append(answered(8803, stop("+12025550172")))
                time.sleep(options.every)
            time.sleep(3)
    waits = sorted(max(0.0, arrived[person] - when) for person, when in sent if person in arrived)
    print(f"{len(waits)} of {len(sent)} confirmations at the carrier, {os.cpu_count()} cores")
    for percent in (50, 90, 99, 100):
        print(f"  p{percent:<3} {waits[min(len(waits) - 1, int(len(waits) * percent / 100))] * 1000:7.0f} ms")


if __name__ == "__main__":
    main()
