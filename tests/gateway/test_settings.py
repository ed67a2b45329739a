"""Settings: read from the environment or from files, checked all at once."""

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.errors import SettingsError
from gateway.settings import SETTINGS, load_settings, secret_key_of

SID = "AC" + "a" * 32


def problems(environment: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(environment)
    return "\n".join(caught.value.problems)


def test_without_any_setting_everything_has_a_sensible_value(tmp_path: Path) -> None:
    settings = load_settings({"XDG_DATA_HOME": str(tmp_path)})
    assert settings.data == tmp_path / "stopgate"
    assert (settings.durability, settings.simulator_on, settings.twilio_on) == ("aof", True, False)
    assert settings.retention == timedelta(days=1825)


def test_every_problem_is_said_at_once(tmp_path: Path) -> None:
    said = problems(
        {
            "STOPGATE_STORE_URL": "http://x",
            "STOPGATE_DURABILITY": "sometimes",
            "STOPGATE_SECRET_KEY": "short",
            "STOPGATE_PUBLIC_URL": "http://texts.example.com",
            "TWILIO_ACCOUNT_SID": "SM1",
            "STOPGATE_CARRIER_TIMEOUT": "soon",
            "STOPGATE_TYPO": "1",
            "TWILIO_AUTH_TOKEN_FILE": str(tmp_path / "missing"),
        }
    )
    for name in (
        "STOPGATE_STORE_URL", "STOPGATE_DURABILITY", "STOPGATE_SECRET_KEY", "STOPGATE_PUBLIC_URL",
        "TWILIO_ACCOUNT_SID", "STOPGATE_CARRIER_TIMEOUT", "STOPGATE_TYPO", "TWILIO_AUTH_TOKEN",
    ):  # fmt: skip
        assert name in said


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"TWILIO_ACCOUNT_SID": SID}, "have to be set together"),
        ({"TWILIO_API_KEY": "SK1"}, "TWILIO_API_SECRET have to be set together"),
        ({"TWILIO_ACCOUNT_SID": SID, "TWILIO_AUTH_TOKEN": "t"}, "STOPGATE_PUBLIC_URL has to be set with Twilio"),
        ({"TWILIO_API_BASE_URL": "http://127.0.0.1:1", "TWILIO_EDGE": "dublin"}, "TWILIO_EDGE"),
        ({"TWILIO_API_BASE_URL": "https://api.example.com"}, "emulators on this machine"),
        ({"STOPGATE_STORE_URL": "redis://db"}, "STOPGATE_SECRET_KEY has to be set"),
        ({"STOPGATE_PUBLIC_URL": "https://a.example.com/x?y=1"}, "without user, query and fragment"),
        ({"STOPGATE_RETENTION_DAYS": "0"}, "number of days"),
        ({"STOPGATE_SIMULATOR": "yes"}, "auto, on or off"),
        ({"STOPGATE_DURABILITY_FILE": "/nowhere/file"}, "cannot be read from /nowhere/file"),
    ],
)
def test_settings_that_contradict_each_other_stop_the_start(environment: dict[str, str], sentence: str) -> None:
    assert sentence in problems(environment)


def test_a_secret_may_be_in_a_file_and_not_in_both_places(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("abc, def\n")
    environment = {
        "TWILIO_ACCOUNT_SID": SID,
        "TWILIO_AUTH_TOKEN_FILE": str(path),
        "STOPGATE_PUBLIC_URL": "https://texts.example.com/",
    }
    settings = load_settings(environment)
    assert settings.twilio_auth_tokens == ("abc", "def")
    assert settings.public_url == "https://texts.example.com"
    assert "keep one" in problems({**environment, "TWILIO_AUTH_TOKEN": "abc"})


def test_an_empty_variable_is_not_set() -> None:
    assert load_settings({"STOPGATE_STORE_URL": "", "TWILIO_ACCOUNT_SID": ""}).store_url is None


def test_the_secret_key_is_made_once_kept_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    settings = load_settings({"STOPGATE_DATA": str(tmp_path / "data")})
    key = secret_key_of(settings)
    assert len(key) == 64
    assert secret_key_of(settings) == key
    assert (tmp_path / "data" / "secret_key").stat().st_mode & 0o077 == 0


def test_a_data_folder_that_cannot_be_made_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = load_settings({"STOPGATE_DATA": str(tmp_path / "file" / "data")})
    with pytest.raises(SettingsError, match="data folder"):
        secret_key_of(settings)


def test_no_secret_has_a_default() -> None:
    assert [setting.name for setting in SETTINGS if setting.secret and setting.default] == []
