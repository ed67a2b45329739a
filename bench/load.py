"""A load generator: replays prepared HTTP requests over kept-open connections and measures each answer.

Plain sockets and asyncio, in a process of its own, so that little of the machine is spent on asking. Both sides of
a comparison are measured with it in one run.
"""

import asyncio
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """What a run measured. latencies in seconds, sorted; statuses: how often each HTTP status came."""

    seconds: float
    latencies: tuple[float, ...]
    statuses: dict[int, int]

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: float) -> float:
        """The latency that this part of all answers did not exceed, in milliseconds."""
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * percent / 100))] * 1000

    def __str__(self) -> str:
        return (
            f"{self.rate:7.0f}/s  p50 {self.percentile(50):6.1f} ms  p99 {self.percentile(99):6.1f} ms  {self.statuses}"
        )


async def _client(port: int, requests: Sequence[bytes], results: list[tuple[float, int]], deadline: float) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in requests:
        if time.perf_counter() > deadline:
            break
        began = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        if length:
            await reader.readexactly(length)
        results.append((time.perf_counter() - began, int(head[9:12])))
    writer.close()


async def _run(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> Load:
    results: list[tuple[float, int]] = []
    began = time.perf_counter()
    shares = [requests[number::connections] for number in range(connections)]
    await asyncio.gather(*(_client(port, share, results, began + seconds) for share in shares))
    took = time.perf_counter() - began
    statuses: dict[int, int] = {}
    for _, status in results:
        statuses[status] = statuses.get(status, 0) + 1
    return Load(took, tuple(sorted(latency for latency, _ in results)), statuses)


def _in_process(
    port: int, requests: Sequence[bytes], connections: int, seconds: float, answer: "multiprocessing.Queue[Load]"
) -> None:
    answer.put(asyncio.run(_run(port, requests, connections, seconds)))


def measure(port: int, requests: Sequence[bytes], *, connections: int, seconds: float) -> Load:
    """Send requests for a time, in a process of its own.

    Args:
        port: on this machine.
        requests: whole HTTP requests, each sent once.
        connections: how many ask at the same time.
        seconds: when to stop, unless the requests run out before.
    """
    answer: multiprocessing.Queue[Load] = multiprocessing.Queue()
    process = multiprocessing.Process(target=_in_process, args=(port, requests, connections, seconds, answer))
    process.start()
    load = answer.get()
    process.join()
    return load
