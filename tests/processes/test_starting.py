"""Starting and being stopped on the way."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes.installation import Installation, descendants, is_alive, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]

INTERRUPTED_IMPORT = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, *more):
        if name == "gateway.cli":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
from gateway.start import main
main()
"""


def test_ctrl_c_while_the_command_line_is_read_prints_no_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_IMPORT], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_the_first_password_is_told_before_the_installation_is_ready(tmp_path: Path) -> None:
    with Installation(tmp_path / "data", {}, twilio_url="http://127.0.0.1:9") as installation:
        said = installation.log.read_text(encoding="utf-8")
        assert "with the password:" in said.partition("Stopgate is ready")[0]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_starts_ends_everything_and_loses_nothing(tmp_path: Path, sent: signal.Signals) -> None:
    installation = Installation(tmp_path / "data", {}, twilio_url="http://127.0.0.1:9")
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway.cli", "up", "--port", str(installation.port)],
        env=installation.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    children = wait_for(lambda: descendants(process.pid))
    os.kill(process.pid, sent)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert "stopped" in output
    assert "Traceback" not in output
    wait_for(lambda: not any(is_alive(child) for child in children))
