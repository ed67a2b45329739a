"""What workers do. RQ calls these by name with plain JSON arguments; each calls one use case."""
