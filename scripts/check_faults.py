#!/usr/bin/env python3
"""Lets `marlise infer --apply` drive an emulated cluster in which things go wrong, and looks at everything that happened:

    scripts/check_faults.py [--seconds 600] [--faults all | KIND[=P] …] [--kills N] [--program PATH]

From the emulator's audit, in which every write and every limit that comes into force stands with its time, so that nothing in
between is missed: no limit outside the bounds, at no moment more in force than the pool, in no second (wherever it begins)
more writes than the budget; the run ends by itself without a complaint, the originals are back after it, and the decisions
can be computed again from the log. With --kills the program is killed (SIGKILL) at random moments instead, N times, and started
again; the last one is stopped with SIGTERM. Says PASS or FAIL with the figures; exits with 1 if anything failed.
"""

import argparse
import collections
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from service import Emulator  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIMIT, MINIMUM, MAXIMUM = 250, 60, 700


class Run:
    """A cluster with faults, and what was seen of it."""

    def __init__(self, options, folder):
        self.options = options
        self.folder = pathlib.Path(folder)
        self.failures = []
        self.audit = self.folder / "audit.jsonl"
        self.config = self.folder / "kubeconfig"
        self.capacity = options.pods * (LIMIT + 20)

    def check(self, what, is_true, figure=""):
        print(f"{'ok    ' if is_true else 'FAILED'}  {what}{'  ' + figure if figure else ''}", flush=True)
        if not is_true:
            self.failures.append(what)

    def emulator(self):
        options = self.options
        return Emulator(options.program, [
            "--kubeconfig", str(self.config), "--audit", str(self.audit), "--pods", str(options.pods), "--nodes", "3",
            "--housekeeping", "1", "--cpu_limit", str(LIMIT), "--workload", "bursty", "--resize_latency", "1.5",
            "--seed", str(options.seed), "--faults", *options.faults])

    def infer(self, *arguments):
        command = [
            self.options.program, "infer", "--kubeconfig", str(self.config), "--apply", "--hack", "0", "--json",
            "--metrics", "kubelet", "--metrics_max_age", "5", "--restore_after", "15",
            "--resources", str(self.capacity), "--min_cpu", str(MINIMUM), "--max_cpu", str(MAXIMUM),
            "--patch_budget", str(self.options.budget), "--originals", self.options.originals,
            "--log", str(self.folder / "decisions.jsonl"), "--grace", "60"]
        if self.options.originals == "file":
            command += ["--state-file", str(self.folder / "originals.json")]
        with open(self.folder / "rounds", "a") as rounds, open(self.folder / "messages", "a") as messages:
            return subprocess.Popen([*command, *arguments], stdout=rounds, stderr=messages)

    # What happened

    def look(self):
        """Goes through the audit and judges it."""
        with open(self.audit) as file:
            entries = [json.loads(line) for line in file]
        changes = sorted((entry for entry in entries if "limit" in entry), key=lambda entry: entry["seconds"])
        writes = [entry for entry in entries if "method" in entry]
        self.limits, sums, outside, over = {}, [], [], []
        for moment, group in grouped(changes, lambda entry: entry["seconds"]):
            for entry in group:
                self.limits[entry["pod"]] = entry["limit"]
                if not MINIMUM <= entry["limit"] <= MAXIMUM:
                    outside.append(entry)
            total = sum(self.limits.values())
            sums.append(total)
            if total > self.capacity:
                over.append((moment, total))
        asked = [limit for entry in writes for limit in limits_in(entry)]
        moved = len(changes) - len(self.limits)
        self.check("limits move", moved > 20, f"{moved} came into force on {len(self.limits)} pods")
        self.check(f"none in force outside {MINIMUM}…{MAXIMUM}m", not outside, f"{outside[:3]}" if outside else "")
        self.check(
            f"none asked outside {MINIMUM}…{MAXIMUM}m", all(MINIMUM <= limit <= MAXIMUM for limit in asked),
            f"{min(asked, default=0)}…{max(asked, default=0)}m")
        self.check(
            f"never more in force than the pool of {self.capacity}m", not over,
            f"{over[:3]}" if over else f"{max(sums)}m at most")
        arrivals = sorted(entry["seconds"] for entry in writes)
        busiest = most_in_a_second(arrivals)
        self.check(
            f"never more than {self.options.budget} writes in a second", busiest <= self.options.budget,
            f"{busiest} at most of {len(arrivals)}")
        faults = collections.Counter(entry["fault"] for entry in writes if "fault" in entry)
        print(f"        faults met by writes: {dict(sorted(faults.items()))}", flush=True)

    def expect_originals(self, emulator):
        """A kubelet that is away brings them into force when it is back."""
        expected = [LIMIT] * self.options.pods
        end = time.monotonic() + 60
        while True:
            seen = json.load(urllib.request.urlopen(emulator.url + "/emulator/limits", timeout=10))["limits"]
            if seen == expected or time.monotonic() > end:
                break
            time.sleep(0.5)
        self.check("the originals are back", seen == expected, "" if seen == expected else f"{seen}")

    def expect_replay(self):
        replay = subprocess.run(
            [self.options.program, "replay", str(self.folder / "decisions.jsonl")], capture_output=True, text=True)
        self.check("the log replays bit for bit", replay.returncode == 0, last_line(replay.stdout + replay.stderr))

    def expect_end(self, process, codes, seconds):
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            code = "none"
        text = (self.folder / "messages").read_text()
        self.check(f"infer ends with {' or '.join(map(str, codes))}", code in codes, f"{code}")
        crash = re.search(r"(?i)fatal error|crash|overflow|precondition", text)
        self.check("it did not crash", not crash, last_line(text) if crash else "")


def grouped(entries, key):
    group, last = [], None
    for entry in entries:
        if group and key(entry) != last:
            yield last, group
            group = []
        group.append(entry)
        last = key(entry)
    if group:
        yield last, group


def limits_in(entry):
    """CPU limits, in millicores, that a patch asks for."""
    if not entry["target"].split("?")[0].endswith("/resize") or not isinstance(entry["body"], dict):
        return
    for container in entry["body"].get("spec", {}).get("containers", []):
        text = container.get("resources", {}).get("limits", {}).get("cpu")
        if text:
            yield float(text[:-1]) if text.endswith("m") else 1000 * float(text)


def most_in_a_second(times):
    """The largest number of times in any half-open second."""
    most = first = 0
    for last, moment in enumerate(times):
        while times[first] <= moment - 1:
            first += 1
        most = max(most, last - first + 1)
    return most


def last_line(text):
    return (text.strip().splitlines() or [""])[-1]


def survive(run):
    """One run to its end."""
    with run.emulator() as emulator:
        started = time.monotonic()
        process = run.infer("--duration", str(run.options.seconds))
        run.expect_end(process, [0], run.options.seconds + 150)
        print(f"        after {time.monotonic() - started:.0f} s", flush=True)
        run.expect_originals(emulator)
    run.look()
    run.expect_replay()


def die(run):
    """Killed at random moments, started again, and stopped in the end."""
    moments = random.Random(run.options.seed)
    with run.emulator() as emulator:
        for number in range(run.options.kills):
            process = run.infer()
            time.sleep(moments.uniform(0.5, run.options.seconds / run.options.kills))
            run.check(f"alive until it is killed ({number + 1})", process.poll() is None, f"{process.poll()}")
            process.kill()
            process.wait()
        process = run.infer()
        time.sleep(moments.uniform(4, 12))
        process.terminate()
        run.expect_end(process, [143], 150)
        run.expect_originals(emulator)
    run.look()
    run.expect_replay()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / ".build/release/marlise"))
    parser.add_argument("--seconds", type=int, default=600, help="of the run; with --kills, of all lives together")
    parser.add_argument("--faults", nargs="+", default=["all"])
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--pods", type=int, default=12)
    parser.add_argument("--budget", type=int, default=10, help="writes per second")
    parser.add_argument("--originals", choices=["file", "annotation"], default="file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", help="a folder for what was written: audit, decision log, messages")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(options.keep or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        run = Run(options, folder)
        print(f"faults {' '.join(options.faults)}, {options.seconds} s, {options.kills} kills, seed {options.seed}", flush=True)
        die(run) if options.kills else survive(run)
        messages = (folder / "messages").read_text().splitlines()
        if run.failures:
            print("        last messages:\n" + "\n".join(messages[-5:]))
        print("PASS" if not run.failures else f"FAIL: {'; '.join(run.failures)}", flush=True)
        raise SystemExit(1 if run.failures else 0)


if __name__ == "__main__":
    main()
