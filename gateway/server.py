"""The web server: gunicorn with threads, configured here and nowhere else."""

from typing import Any

from gunicorn.app.base import BaseApplication

from gateway.app import create_app
from gateway.garbage import look_among_new_objects
from gateway.logs import configure_logs
from gateway.services import build
from gateway.settings import Settings
from keywords import decide

# Twilio waits 15 seconds at most; a request that takes longer has lost its caller.
_TIMEOUT = 30
_KEEP_ALIVE = 15
_GRACE = 10


class _Server(BaseApplication):  # type: ignore[misc]
    """gunicorn, told what to serve and how."""

    def __init__(self, settings: Settings, options: dict[str, Any]) -> None:
        self._settings = settings
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The application, made in each server process: connections are not shared over a fork."""
        configure_logs(self._settings.log_format)
        decide("")  # the tables are read now and not while the first person waits
        app = create_app(build(self._settings))
        look_among_new_objects()
        return app


def serve(settings: Settings, *, bind: str, processes: int, threads: int) -> None:
    """Serve until told to stop (SIGTERM).

    Args:
        settings: the installation's.
        bind: address and port.
        processes, threads: server processes, and threads in each.
    """
    options = {
        "bind": bind,
        "workers": processes,
        "threads": threads,
        "worker_class": "gthread",
        "timeout": _TIMEOUT,
        "graceful_timeout": _GRACE,
        "keepalive": _KEEP_ALIVE,
        "accesslog": None,
        "errorlog": "-",
        "loglevel": "warning",
        # gunicorn 27 opens a control socket in the home directory, which need not be there.
        "control_socket_disable": True,
        # A request line is an address with a query; ours are short.
        "limit_request_line": 8190,
    }
    _Server(settings, options).run()
