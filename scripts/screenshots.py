#!/usr/bin/env python3
"""Takes the screenshots of docs/images: scripts/screenshots.py [--program PATH] [--out DIR]"""

import argparse
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import chromium  # noqa: E402
from service import Service  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHOTS = [
    # name, pods, pool, width, height, dark, seconds of history, options
    ("page-3-pods", 3, 1000, 1360, 940, False, 120, ["--workload", "bursty"]),
    ("page-3-pods-dark", 3, 1000, 1360, 940, True, 120, ["--workload", "bursty"]),
    ("page-narrow", 3, 1000, 400, 1180, False, 120, ["--workload", "bursty"]),
    ("page-300-pods", 300, 90_000, 1440, 900, False, 60, ["--workload", "diurnal"]),
    ("page-300-pods-dark", 300, 90_000, 1440, 900, True, 60, ["--workload", "diurnal"]),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=str(ROOT / ".build/release/marlise"))
    parser.add_argument("--out", default=str(ROOT / "docs/images"))
    parser.add_argument("--seconds", type=float, help="history to wait for, in place of what each picture has")
    options = parser.parse_args()
    if not chromium.program():
        sys.exit("screenshots: there is no Chromium; apt-get install chromium")
    pathlib.Path(options.out).mkdir(parents=True, exist_ok=True)
    groups = {}
    for shot in SHOTS:
        groups.setdefault((shot[1], shot[2], tuple(shot[7])), []).append(shot)
    for (pods, pool, extra), shots in groups.items():
        with Service(options.program, ["--cluster", "simulated", "--start", "--n_agents", str(pods), "--resources", str(pool), *extra]) as service:
            time.sleep(options.seconds or max(shot[6] for shot in shots))
            for name, _, _, width, height, dark, _, _ in shots:
                with chromium.Page(width, height, dark) as page:
                    page.open(service.url)
                    page.wait("document.querySelector('#figure-pods').textContent != '–'")
                    time.sleep(3)
                    path = f"{options.out}/{name}.png"
                    page.screenshot(path)
                    print(path)


if __name__ == "__main__":
    main()
