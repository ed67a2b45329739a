"""Make a client from the API's own description with openapi-python-client, and use it against a running Stopgate.

    python -m bench.generated_client [--keep FOLDER]

Ends with 1 when the generator warns of anything, or when one step of `client_example.py` does not come out as it should.
The generator is installed into an environment of its own (from the package index, a minute), so that nothing of it comes
into ours; that is why this is no test.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import requests

from bench.imports_api import installation

GENERATOR = "openapi-python-client==0.29.1"
# The generator knows one content type for files as they are.
OVERRIDES = """\
content_type_overrides:
  text/csv: application/octet-stream
  text/plain: application/octet-stream
  text/tab-separated-values: application/octet-stream
  application/vnd.openxmlformats-officedocument.spreadsheetml.sheet: application/octet-stream
"""


def made_client(folder: Path, document: str) -> Path:
    """Make the package `stopgate_client` in a folder. Returns the Python that has what it needs.

    Raises:
        subprocess.CalledProcessError: the generator cannot be installed, or warned of something.
    """
    environment, python = folder / "environment", folder / "environment" / "bin" / "python"
    venv.create(environment, with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", GENERATOR], check=True)
    (folder / "openapi.json").write_text(document, encoding="utf-8")
    (folder / "overrides.yml").write_text(OVERRIDES, encoding="utf-8")
    path = f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["openapi-python-client", "generate", "--path", folder / "openapi.json", "--config", folder / "overrides.yml",
         "--output-path", folder / "stopgate_client", "--meta", "none", "--fail-on-warning", "--overwrite"],
        env={**os.environ, "PATH": path}, check=True,
    )  # fmt: skip
    return python


def run(folder: Path) -> int:
    """Make the client and run the example. Returns its exit code."""
    with tempfile.TemporaryDirectory() as data, installation(Path(data)) as (url, headers):
        python = made_client(folder, requests.get(f"{url}/api/v1/openapi.json", timeout=30).text)
        environment = {
            "PYTHONPATH": str(folder),
            "STOPGATE_URL": url,
            "STOPGATE_KEY": headers["Authorization"].split()[1],
        }
        example = Path(__file__).with_name("client_example.py")
        return subprocess.run([python, example], env={**os.environ, **environment}, check=False).returncode


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, help="make the client here and leave it, instead of in a folder that goes")
    wishes = parser.parse_args()
    if wishes.keep:
        wishes.keep.mkdir(parents=True, exist_ok=True)
        sys.exit(run(wishes.keep))
    with tempfile.TemporaryDirectory() as made:
        sys.exit(run(Path(made)))
