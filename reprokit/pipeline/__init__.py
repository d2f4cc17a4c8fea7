"""The whole way from a folder to a record, phase after phase; one module a verb."""
