"""Container engines: Docker and Podman behind one Protocol."""
