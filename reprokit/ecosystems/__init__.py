"""Ecosystems: how each package manager's projects are detected, locked and rendered."""
