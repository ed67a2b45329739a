"""The carriers' door: verify, parse, hand to a use case, answer. No carrier's name stands here."""
