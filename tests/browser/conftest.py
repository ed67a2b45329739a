"""A real browser against a running Stopgate."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.fake_twilio import FakeTwilio
from tests.processes.installation import Installation

SCREENSHOTS = Path(__file__).parents[1] / "screenshots"
_ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's chromium. Without it these tests are skipped, except in CI, where it has to be there."""
    path = shutil.which("chromium")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("chromium is missing; .ci/run installs it")
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def first_start(tmp_path_factory: pytest.TempPathFactory, twilio_server: FakeTwilio) -> Iterator[Installation]:
    """`stopgate up` on an empty folder with no settings at all, as a new user starts it."""
    plain = dict.fromkeys(("STOPGATE_PUBLIC_URL", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_API_BASE_URL"), "")
    with Installation(tmp_path_factory.mktemp("first") / "data", plain, twilio_url="") as installation:
        yield installation
