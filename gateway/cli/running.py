"""Commands that run: up, web, worker, sweeper."""

import os
import signal
import socket
import sys
import threading
import time
from importlib.resources import files
from pathlib import Path
from types import FrameType
from urllib.error import URLError
from urllib.request import urlopen

import click

from gateway.cli.opening import data_option, settings_with
from gateway.garbage import look_among_new_objects
from gateway.logs import configure_logs, logger
from gateway.queueing import BULK, EVENTS, LISTS, QUEUES, work
from gateway.services import Services, build
from gateway.settings import Settings
from gateway.supervision.embedded import EmbeddedStore
from gateway.supervision.processes import ProcessSpec, Supervisor, command_of
from gateway.users import FIRST_NAME

log = logger(__name__)

_READY_TIMEOUT = 60.0
# A thread waits for the disk most of its time; many at once share one flush (measured: bench.webhook).
_WEB_THREADS = 16
# Whoever waits for an answer comes first where the cores are few: an import never keeps the store's server from them.
_LONG_WORK, _NICENESS = frozenset({LISTS}), 10
# How long the sweeper's end waits for the page of a carrier's list that is being worked on.
_LAST_PAGE = 2.0


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@data_option
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Worker processes a queue.")
def up(host: str, port: int, data: Path | None, workers: int) -> None:
    """Run everything on this machine: embedded store, web server, workers and sweeper. Ctrl-C ends it."""
    settings = settings_with(data)
    configure_logs(settings.log_format)
    if settings.store_url:
        raise click.UsageError(
            "`up` runs its own store, but STOPGATE_STORE_URL names another. Unset it, or run web, worker and sweeper."
        )
    _demand_port(host, port)
    _stop_on_signals(_interrupt)
    try:
        _run_everything(settings, host, port, workers)
    except KeyboardInterrupt:
        click.echo("Stopgate was stopped while it was starting.", err=True)
        return
    click.echo("Stopgate has stopped. Everything is kept in " + str(settings.data), err=True)


def _demand_port(host: str, port: int) -> None:
    """Refuse an address where something listens already: it would be taken for ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as error:
            raise click.UsageError(
                f"Nothing can listen on {host}:{port}: {error.strerror}. Name another with --port or --host."
            ) from None


def _interrupt() -> None:
    raise KeyboardInterrupt


def _run_everything(settings: Settings, host: str, port: int, workers: int) -> None:
    with EmbeddedStore(settings.data, settings.durability) as store:
        _say_password(_prepare(settings))
        supervisor = Supervisor(_processes(settings, host, port, workers))
        # Processes are begun and ended as a whole: from here on a signal waits for its turn.
        _stop_on_signals(supervisor.ask_to_stop)
        with supervisor:
            announcing = threading.Thread(target=_announce, args=(settings, host, port), daemon=True)
            announcing.start()
            keeping = threading.Thread(target=_keep_store, args=(store, supervisor), daemon=True)
            keeping.start()
            supervisor.watch()
            click.echo("Stopping ...", err=True)


def _processes(settings: Settings, host: str, port: int, workers: int) -> list[ProcessSpec]:
    environment = {"STOPGATE_DATA": str(settings.data.resolve())}
    specs = [ProcessSpec("web", command_of("web", "--host", host, "--port", str(port)), environment)]
    for queue in QUEUES:
        count = 1 if queue in {BULK, LISTS, EVENTS} else workers
        specs += [
            ProcessSpec(f"worker-{queue}-{number}", command_of("worker", "--queue", queue), environment)
            for number in range(1, count + 1)
        ]
    specs.append(ProcessSpec("sweeper", command_of("sweeper"), environment))
    return specs


def _prepare(settings: Settings) -> str | None:
    """Load the function library, and on the first start give the simulator somebody to text.

    Returns the password of the first person, on the first start alone.
    """
    services = build(settings)
    try:
        services.store.health.demand(settings.durability)
        services.store.keyspace.demand()
        services.store.erasure.demand_keys()
        services.store.functions.ensure_loaded()
        if settings.simulator_on and not services.store.directory.current().accounts:
            text = files("gateway").joinpath("demo.toml").read_text(encoding="utf-8")
            services.configuration.apply(services.configuration.plan(services.configuration.read(text)))
        return services.users.first_start()
    finally:
        services.close()


def _keep_store(store: EmbeddedStore, supervisor: Supervisor) -> None:
    while not supervisor.stopping.wait(0.5):
        if not store.is_alive():
            log.error("the embedded store ended and is started again")
            store.restart()


def _say_password(first_password: str | None) -> None:
    """Tell the first person's password before anybody can be asked for it, and even if the rest does not start."""
    if first_password:
        click.echo("The first start. When it is ready:")
        click.echo(f"  Sign in as:              {FIRST_NAME}")
        click.echo(f"  with the password:       {first_password}   (for once; shown this once)")
        sys.stdout.flush()


def _announce(settings: Settings, host: str, port: int) -> None:
    shown = "localhost" if host in {"127.0.0.1", "0.0.0.0", "::1"} else host  # noqa: S104 (compared, not bound)
    base = f"http://{shown}:{port}"
    probe = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}/readyz"  # noqa: S104
    deadline = time.monotonic() + _READY_TIMEOUT
    while time.monotonic() < deadline:
        try:
            with urlopen(probe, timeout=2) as answer:
                if answer.status == 200:
                    break
        except (URLError, OSError):
            time.sleep(0.1)
    else:
        click.echo(f"Stopgate is not ready after {_READY_TIMEOUT:.0f} seconds; the lines above say why.", err=True)
        return
    click.echo(f"\nStopgate is ready: {base}")
    if settings.simulator_on:
        click.echo(f"  A phone to try it with:  {base}/phone")
    click.echo(f"  Everything is kept in:   {settings.data}")
    click.echo("  Ctrl-C ends it.\n")
    sys.stdout.flush()


def _stop_on_signals(stop: object) -> None:
    def handle(_signal: int, _frame: FrameType | None) -> None:
        assert callable(stop)
        stop()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=None, type=click.IntRange(1, 65535), help="Port to listen on (default: PORT, or 8000).")
@click.option("--processes", default=None, type=click.IntRange(1, 256), help="Server processes (default: one a core).")
@data_option
def web(host: str, port: int | None, processes: int | None, data: Path | None) -> None:
    """Run the web server: webhooks, API and pages."""
    from gateway.server import serve

    settings = settings_with(data)
    configure_logs(settings.log_format)
    chosen = port or int(os.environ.get("PORT", "8000"))
    _demand_port(host, chosen)
    _demand(settings)
    serve(
        settings,
        bind=f"{host}:{chosen}",
        processes=processes or os.cpu_count() or 1,
        threads=_WEB_THREADS,
    )


def _demand(settings: Settings) -> None:
    """Refuse to start on a store that cannot keep what is promised. Raises StoreError."""
    services = build(settings)
    try:
        services.store.health.demand(settings.durability)
        services.store.keyspace.demand()
        services.store.erasure.demand_keys()
        services.store.functions.ensure_loaded()
    finally:
        services.close()


@click.command()
@click.option("--queue", type=click.Choice(QUEUES), help="Work on this queue alone, in this process.")
@click.option("--processes", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes a queue.")
@data_option
def worker(queue: str | None, processes: int, data: Path | None) -> None:
    """Run workers: for every queue one process or more, or with --queue this process for that one."""
    settings = settings_with(data)
    configure_logs(settings.log_format)
    _demand(settings)
    if queue is None:
        _run_pool(settings, processes)
        return
    if queue in _LONG_WORK:
        os.nice(_NICENESS)
    services = build(settings)
    try:
        for carrier in services.carriers.values():
            carrier.prepare()
        look_among_new_objects()
        work(services.queue_connection, queue, services.doers)
    finally:
        services.close()


def _run_pool(settings: Settings, processes: int) -> None:
    environment = {"STOPGATE_DATA": str(settings.data.resolve())}
    specs = [
        ProcessSpec(f"worker-{queue}-{number}", command_of("worker", "--queue", queue), environment)
        for queue in QUEUES
        for number in range(1, processes + 1)
    ]
    with Supervisor(specs) as supervisor:
        _stop_on_signals(supervisor.ask_to_stop)
        supervisor.watch()


@click.command()
@data_option
def sweeper(data: Path | None) -> None:
    """Run the sweeper: it finishes what was written but not done, does what follows from opt-outs, and looks for texts
    whose webhook never came.

    More than one may run.
    """
    settings = settings_with(data)
    configure_logs(settings.log_format)
    services: Services = build(settings)
    stopping = threading.Event()
    _stop_on_signals(stopping.set)
    reconciling = threading.Thread(target=services.reconciliation.run, args=(stopping,), daemon=True)
    following = threading.Thread(target=services.following.run, args=(stopping,), daemon=True)
    reconciling.start()
    following.start()
    try:
        services.sweeper.run(stopping)
    finally:
        stopping.set()
        reconciling.join(_LAST_PAGE)
        following.join(_LAST_PAGE)
        services.close()
