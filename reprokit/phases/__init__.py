"""The phases, one module each: a function from one frozen type to the next."""
