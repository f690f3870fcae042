#!/bin/sh
# NumPy reads our files and we read NumPy's: test_numpy.py with the first Python that has NumPy.     sh tests/nn/test_numpy.sh BUILD-FOLDER
set -u
for python in python3 /usr/bin/python3; do
    $python -c 'import numpy' 2>/dev/null || continue
    tmp=$(mktemp -d) || exit 1
    trap 'rm -rf "$tmp"' EXIT
    $python "$(dirname "$0")/test_numpy.py" "$1/tests/exchange" "$tmp"
    exit
done
echo '1..0 # SKIP no Python with NumPy'
