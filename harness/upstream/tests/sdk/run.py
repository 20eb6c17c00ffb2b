"""Plays the script that is named, and tells which of its checks held."""

import importlib
import json
import pathlib
import sys
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import checks

checks.DOORS.update(json.load(sys.stdin))
script = importlib.import_module(pathlib.Path(sys.argv[1]).stem)
failed = False
for check in checks.ALL:
    try:
        check()
    except Exception:
        failed = True
        print(f"failed: {check.__name__}\n{traceback.format_exc()}")
    else:
        print(f"held: {check.__name__}")
sys.exit(failed)
