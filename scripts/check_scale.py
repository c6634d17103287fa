#!/usr/bin/env python3
"""Ten thousand pods on a hundred nodes of the emulated API: scripts/check_scale.py [--program PATH] [--agents 3]

One `marlise serve` drives all of them (or, with --agents, some nodes' agents drive theirs, with shares of the pool), one round a
second. Said are the rounds that were missed, what a round takes, CPU and memory, and, from the emulator's audit log, the most
writes that the server saw in any second. Needs two quiet cores: the emulator has to live on the same machine.
"""

import argparse
import json
import os
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from service import Emulator, Program, Service  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent


def usage(process):
    """CPU seconds and resident MB of a process."""
    with open(f"/proc/{process.pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    with open(f"/proc/{process.pid}/status") as file:
        status = dict(line.split(":", 1) for line in file)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(status["VmRSS"].split()[0]) / 1024


def most_in_a_second(path, who):
    """The most writes of one client in any second of the server's time, and how many there were."""
    with open(path) as file:
        lines = [json.loads(line) for line in file.read().split("\n")[:-1]]
    times = sorted(line["seconds"] for line in lines if who in line.get("agent", ""))
    most, first = 0, 0
    for last, at in enumerate(times):
        while times[first] <= at - 1:
            first += 1
        most = max(most, last - first + 1)
    return most, len(times)


def metric(service, name):
    import urllib.request
    with urllib.request.urlopen(service.url + "/metrics", timeout=10) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
    raise SystemExit(f"/metrics has no {name}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / ".build/release/marlise"))
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--housekeeping", type=int, default=10, help="seconds between a kubelet's readings (default: 10, as real ones)")
    parser.add_argument("--agents", type=int, default=0, help="drive the pods of so many nodes by an agent each, in place of all by one")
    parser.add_argument("--patch_budget", type=int, default=100)
    parser.add_argument("--warmup", type=int, default=25)
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    # Ten thousand pods are listed and understood first.
    Program.patience = 120
    with tempfile.TemporaryDirectory() as folder:
        config, audit = folder + "/kubeconfig", folder + "/audit.jsonl"
        services = []
        share = None
        with Emulator(options.program, [
                "--pods", str(options.pods), "--nodes", str(options.nodes), "--housekeeping", str(options.housekeeping), "--rps", "5",
                "--scrape_interval", "0", "--kubeconfig", config, "--audit", audit]) as emulator:
            common = ["--cluster", "kubernetes", "--kubeconfig", config, "--metrics", "kubelet", "--apply", "--start", "--freeze_on_exit",
                      "--patch_budget", str(options.patch_budget)]
            try:
                begun = time.monotonic()
                if options.agents:
                    share = Program(options.program, ["share", "--kubeconfig", config, "--resources", str(330 * options.pods)], r"(.+)")
                    for node in range(options.agents):
                        services.append((f"node-{node}", Service(options.program, [
                            *common, "--node", f"node-{node}", "--pool_shares", "--resources", str(330 * options.pods), "--identity", f"agent-{node}"])))
                else:
                    services.append(("marlise", Service(options.program, common)))
                start = time.monotonic() - begun
                time.sleep(options.warmup)
                before = [(usage(service.process), metric(service, "marlise_decisions_total"), metric(service, "marlise_missed_ticks_total"))
                          for _, service in services]
                emulated = usage(emulator.process)[0]
                began = time.monotonic()
                time.sleep(options.seconds)
                took = time.monotonic() - began
                print(f"{options.pods} pods on {options.nodes} nodes, {took:.0f} s; the emulator takes "
                      f"{(usage(emulator.process)[0] - emulated) / took * 100:.0f} % of a core and {usage(emulator.process)[1]:.0f} MB; it takes {start:.1f} s to start")
                right = True
                for (name, service), ((cpu, _), rounds, missed) in zip(services, before):
                    now, memory = usage(service.process)
                    done = metric(service, "marlise_decisions_total") - rounds
                    late = metric(service, "marlise_missed_ticks_total") - missed
                    state = service.get("/api/v1/state")
                    pods = sum(pod["present"] for pod in state["pods"])
                    most, count = most_in_a_second(audit, f"agent-{name.removeprefix('node-')}" if options.agents else "marlise")
                    good = late == 0 and done >= took - 2 and most <= options.patch_budget
                    right &= good
                    print(f"{'ok      ' if good else 'FAILED  '}{name}: {pods} pods, {done:.0f} rounds, {late:.0f} missed; a round takes "
                          f"{state['tick']['p50'] * 1e3:.0f} ms (P99 {state['tick']['p99'] * 1e3:.0f}); {(now - cpu) / max(done, 1) * 1e3:.0f} ms of CPU a round; "
                          f"{memory:.0f} MB, {memory * 1024 / max(pods, 1):.1f} kB a pod; {count} writes, {most} in any second at most")
            finally:
                for _, service in services:
                    service.stop()
                if share:
                    share.stop()
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
