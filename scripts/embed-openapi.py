#!/usr/bin/env python3
"""Writes openapi/openapi.yaml as JSON into the Swift file that the daemon serves it from.

With --check it only says whether the file is up to date.
"""
import json
import pathlib
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = ROOT / "Sources/ControlAPI/Generated/OpenAPIDocument.swift"

document = yaml.safe_load((ROOT / "openapi/openapi.yaml").read_text())
text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=str)
swift = f'''// Written by scripts/embed-openapi.py from openapi/openapi.yaml: do not edit.

/// The OpenAPI document, as `/v1/openapi.json` serves it.
enum OpenAPIDocument {{
    static let json = ####"""
        {text}
        """####
}}
'''
if "--check" in sys.argv:
    if not TARGET.exists() or TARGET.read_text() != swift:
        sys.exit("Generated/OpenAPIDocument.swift is out of date: run `make openapi`.")
else:
    TARGET.write_text(swift)
