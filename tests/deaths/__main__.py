"""Let commands die, and say what came of it."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from deaths.place import Outcome, Place, load_engine, try_deaths
from deaths.scenarios import SCENARIOS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", choices=[[], *SCENARIOS], help="default: all", metavar="SCENARIO")
    parser.add_argument("--share", type=float, default=1.0, help="of the deaths, spread over all")
    parser.add_argument("--list", action="store_true", help="the writes too")
    parser.add_argument("--json", action="store_true", help="a line a scenario, for programs")
    options = parser.parse_args()
    load_engine()
    failed = False
    with tempfile.TemporaryDirectory(prefix="thulium-deaths-") as folder:
        place = Place(Path(folder).resolve())
        for name in options.scenarios or SCENARIOS:
            start = time.monotonic()
            outcome = try_deaths(place, SCENARIOS[name], options.share)
            failed |= bool(outcome.failures)
            if options.json:
                print(json.dumps({"name": name, **asdict(outcome)}), flush=True)
            else:
                print(_say(name, outcome, time.monotonic() - start, options.list), flush=True)
    sys.exit(failed)


def _say(name: str, outcome: Outcome, seconds: float, is_long: bool) -> str:
    counts = f"{len(outcome.writes)} writes, {outcome.deaths} deaths, {len(outcome.failures)} failures"
    writes = [f"  {write}" for write in outcome.writes] if is_long else []
    return "\n".join([f"{name}: {counts} ({seconds:.0f} s)", *writes, *outcome.failures])


if __name__ == "__main__":
    main()
