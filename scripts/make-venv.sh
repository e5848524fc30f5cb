#!/usr/bin/env bash
# Makes the Python environment of the tests, or leaves it if its requirements have not changed.
set -euo pipefail

venv=$1
requirements=Tests/requirements.txt
if [ -f "$venv/requirements.txt" ] && cmp -s "$requirements" "$venv/requirements.txt"; then
    exit 0
fi
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
cp "$requirements" "$venv/requirements.txt"
