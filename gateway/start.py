"""Where `stopgate` starts: Ctrl-C while its modules are still being read just ends it, and is no fault to be traced."""

import signal


def main() -> None:
    """Run the command line."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from gateway.cli import main as command

    # From here on commands say what Ctrl-C does.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    command(prog_name="stopgate")
