"""`init`: what a working notebook needs, written down: requirements, repro.toml, warnings."""
