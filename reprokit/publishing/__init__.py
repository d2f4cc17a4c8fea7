"""A run for others: an archive for a repository such as Zenodo, an image in a registry."""
