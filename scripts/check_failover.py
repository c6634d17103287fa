#!/usr/bin/env python3
"""Two `marlise serve` with one lease against the emulated API: scripts/check_failover.py [--program PATH] [--stops N] [--kills N]

The acting one is killed, ended, or paused for longer than the lease and woken again. The emulator's audit log, which has every
write that the server saw, must show that the other one acts within the lease's time, and that no pod was ever written to by
anybody but the holder of the lease at that moment.
"""

import argparse
import datetime
import json
import pathlib
import random
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from service import Emulator, Service  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent


class Audit:
    """What the server saw, in its order and by its clock."""

    def __init__(self, path):
        self.path = path

    def writes(self):
        with open(self.path) as file:
            lines = [json.loads(line) for line in file.read().split("\n")[:-1]]
        writes = []
        for line in lines:
            if line.get("status", 500) >= 300 or "dryRun" in line["target"]:
                continue
            who = line["agent"].partition("(")[2].rstrip(")")
            is_lease = "/leases" in line["target"]
            at = datetime.datetime.fromisoformat(line["time"]).timestamp()
            writes.append({"at": at, "who": who, "lease": is_lease, "target": line["target"].partition("?")[0],
                           "holder": line["body"]["spec"].get("holderIdentity", "") if is_lease else None})
        return writes

    def acts(self, who, since=0.0):
        """The first write of one to a pod, from a moment on; None while there is none."""
        return next((w for w in self.writes() if w["who"] == who and not w["lease"] and w["at"] >= since), None)


def await_(what, seconds, condition):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise SystemExit(f"FAILED  {what}: not within {seconds:g} s")


def judge(audit, duration):
    """Every write to a pod, against the lease as the server had it at that moment."""
    holder, renewed, strangers, latest, count = "", 0.0, [], 0.0, 0
    for write in audit.writes():
        if write["lease"]:
            holder, renewed = write["holder"], write["at"]
        else:
            count += 1
            if write["who"] != holder:
                strangers.append(write)
            else:
                latest = max(latest, (write["at"] - renewed) / duration)
    print(f"{'ok      ' if not strangers else 'FAILED  '}{count} writes to pods, {len(strangers)} of them by one that did not hold the "
          f"lease; the oldest lease that was written under had {latest:.2f} of its time behind it", flush=True)
    for write in strangers[:5]:
        print("        ", write)
    return not strangers


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / ".build/release/marlise"))
    parser.add_argument("--lease_duration", type=int, default=6, help="seconds (default: 6)")
    parser.add_argument("--pods", type=int, default=12)
    parser.add_argument("--kills", type=int, default=3, help="how often the acting one is killed (default: 3)")
    parser.add_argument("--ends", type=int, default=2, help="how often it is asked to end (default: 2)")
    parser.add_argument("--stops", type=int, default=4, help="how often it is paused and woken (default: 4)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--audit", help="keep the audit log here")
    options = parser.parse_args()
    duration = options.lease_duration
    dice = random.Random(options.seed)
    events = ["killed"] * options.kills + ["ended"] * options.ends + ["paused"] * options.stops
    dice.shuffle(events)
    right = True
    running = {}
    with tempfile.TemporaryDirectory() as folder:
        audit = Audit(options.audit or folder + "/audit.jsonl")
        config = folder + "/kubeconfig"

        def start(name):
            running[name] = Service(options.program, [
                "--cluster", "kubernetes", "--kubeconfig", config, "--metrics", "kubelet", "--apply", "--start", "--election",
                "--lease_duration", str(duration), "--identity", name])

        with Emulator(options.program, ["--pods", str(options.pods), "--housekeeping", "1", "--workload", "bursty", "--seed", "3",
                                        "--kubeconfig", config, "--audit", audit.path]):
            try:
                begun = time.monotonic()
                start("one-0")
                acting = "one-0"
                await_("the first one acts", 20, lambda: audit.acts(acting))
                for number, event in enumerate(events, 1):
                    # Names are never used twice, so that the log tells processes apart.
                    standby = next((name for name in running if name != acting), None)
                    if standby is None:
                        standby = f"{'two' if acting.startswith('one') else 'one'}-{number}"
                        start(standby)
                    await_("the other one stands by", 20, lambda: (running[standby].get("/api/v1/state")["election"] or {}).get("leader") == acting)
                    time.sleep(dice.uniform(1, 3))
                    process = running[acting].process
                    process.send_signal({"killed": signal.SIGKILL, "ended": signal.SIGTERM, "paused": signal.SIGSTOP}[event])
                    at = time.time()
                    first = await_(f"{standby} acts", 3 * duration, lambda: audit.acts(standby, since=at))
                    took = first["at"] - at
                    renewed = max(w["at"] for w in audit.writes() if w["lease"] and w["holder"] == acting)
                    passed = first["at"] - renewed
                    good = passed <= duration
                    right &= good
                    print(f"{'ok      ' if good else 'FAILED  '}{acting} {event}: {standby} acts {passed:.2f} s after the last renewal, "
                          f"{took:.2f} s after it was {event}; the lease is {duration} s", flush=True)
                    if event == "paused":
                        time.sleep(dice.uniform(0, 2))
                        process.send_signal(signal.SIGCONT)
                        woken = acting
                        await_(f"{woken} sees that it does not act any more", 20,
                               lambda: not running[woken].get("/api/v1/state")["election"]["is_leader"])
                        time.sleep(1)
                    if event != "paused":
                        process.wait(60)
                        del running[acting]
                    acting = standby
                right &= judge(audit, duration)
                print(f"        in {time.monotonic() - begun:.0f} s, with {len(events)} events")
            finally:
                for service in running.values():
                    service.process.send_signal(signal.SIGCONT)
                    service.stop()
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
