"""Carriers: one module each. README.md says how to add one."""

from collections.abc import Callable, Mapping

from gateway.carriers.base import Carrier, CarrierTraits
from gateway.carriers.simulator import Simulator
from gateway.carriers.twilio import Twilio
from gateway.settings import Settings

TRAITS: Mapping[str, CarrierTraits] = {"twilio": Twilio.traits, "simulator": Simulator.traits}
"""What the reply policy has to know of each carrier, whether it is switched on or not."""
CARRIER_NAMES = tuple(TRAITS)


def open_carriers(settings: Settings, *, secret: str, new_id: Callable[[], str]) -> Mapping[str, Carrier]:
    """The carriers that are switched on, by name. Nothing is sent before the first text."""
    carriers: dict[str, Carrier] = {}
    if settings.twilio_account_sid:
        key = None
        if settings.twilio_api_key and settings.twilio_api_secret:
            key = (settings.twilio_api_key, settings.twilio_api_secret)
        carriers["twilio"] = Twilio(
            settings.twilio_account_sid,
            settings.twilio_auth_tokens,
            api_key=key,
            timeout=settings.carrier_timeout,
            api_base_url=settings.twilio_api_base_url,
        )
    if settings.simulator_on:
        carriers["simulator"] = Simulator(secret, new_id)
    return carriers
