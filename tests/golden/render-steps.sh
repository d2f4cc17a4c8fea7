#!/bin/sh
# The experiment, step by step; it ends with the first that fails.
set -eu
cd /app
java -jar 'a b.jar'
cd /app/src
python x.py
