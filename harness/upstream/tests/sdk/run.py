"""Plays the script that is named, and tells which of its checks held."""

import importlib
import json
import pathlib
import sys
import traceback

script = pathlib.Path(sys.argv[1])
# Beside the script stands what it shares with its neighbours, and beside this file what all scripts share.
sys.path[:0] = [str(script.parent), str(pathlib.Path(__file__).parent)]

import checks

checks.DOORS.update(json.load(sys.stdin))
importlib.import_module(script.stem)
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
