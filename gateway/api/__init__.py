"""The developers' door: REST with API keys, JSON in and out, problem+json errors with a stable code."""
