"""The figures of store/README.md and docs/operations.md, each beside Postgres 15 in the same run."""
