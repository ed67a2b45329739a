"""The door for people without an account: the page behind an opt-out link."""
