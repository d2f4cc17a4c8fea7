"""Base families: where the image below everything else comes from."""
