"""`rerun`: an archive, an image, a run, a folder or a git repository is run again and compared.

What comes in is from strangers. It is checked before anything of it is used, laid out in a folder
of its own, and its programs run in containers only.
"""
