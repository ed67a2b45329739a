"""The people's door: server-rendered pages that work without JavaScript."""
