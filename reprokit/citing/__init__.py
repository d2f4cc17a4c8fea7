"""What goes in a paper: one run, in the notations that papers and archives read."""
