#!/usr/bin/env python3
"""Random requests to `marlise serve`: scripts/fuzz.py [--requests 100000] [--seed 1] [--program PATH]

Methods, paths, headers and bodies, whole, in pieces, cut off, too large, or no HTTP at all, over several connections at once,
beside clients that read and write too slowly. There must be no crash, no hang and no 5xx, and rounds must go on. The
same seed asks the same. Every request comes from a loopback address of its own: the service bounds each client's changes.
"""

import argparse
import collections
import json
import pathlib
import random
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from service import Service  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATIENCE = 10  # seconds that an answer may take
METHODS = ["GET"] * 4 + ["POST"] * 4 + ["PATCH"] * 4 + ["PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW", "get", "CONNECT"]
WORDS = ["", "a", "web-0", "pod0", "pod1", "..", "%2e%2e", "%00", "%ff%fe", "%", "%zz", "ü", "🐟", "'\"<>", "*", "{name}", "a" * 300, "+", ";", "null"]


class Dice(random.Random):
    def chance(self, share):
        return self.random() < share

    def path(self, path):
        while "{" in path:
            head, _, tail = path.partition("{")
            path = head + self.choice(WORDS) + tail.partition("}")[2]
        if self.chance(0.15):
            path = "/" + "/".join(self.choice(WORDS + ["api", "v1", "assets", "pods"]) for _ in range(self.randrange(6)))
        if self.chance(0.3):
            names = ["seconds", "limit", "pod", "x", ""]
            values = WORDS + ["0", "1", "-1", "1e308", "nan", "inf", "99999999999999999999", "60"]
            path += "?" + "&".join(f"{self.choice(names)}={self.choice(values)}" for _ in range(self.randrange(4)))
        if self.chance(0.01):
            path += "y" * self.choice([1000, 5000, 40_000])
        return path.replace(" ", "%20") or "/"

    def value(self, depth=0):
        numbers = [0, 1, -1, 50, 900, 1000, 1500, 0.5, 1.5, 1e9, 1e18, 1e300, -0.0, 2**63, 10**400, 5e-324]
        words = ["apply", "recommend", "ppo", "mdqn", "ddpg", "1000", "-5", "1.5", "", "missing.h5", "/", "/dev/null", "\u0000", "x" * 5000]
        kind = self.randrange(10)
        if kind < 4:
            return self.choice(numbers)
        if kind < 6:
            return self.choice(words)
        if kind == 6:
            return self.choice([True, False])
        if kind == 7:
            return None
        if depth > 4:
            return []
        if kind == 8:
            return [self.value(depth + 1) for _ in range(self.randrange(4))]
        return {self.choice(WORDS): self.value(depth + 1) for _ in range(self.randrange(4))}

    def body(self, fields):
        kind = self.random()
        if kind < 0.25:
            return b""
        if kind < 0.75:
            # A plausible one: real names, with values that may be right.
            names = self.sample(fields, self.randrange(1, 4)) + (["x"] if self.chance(0.05) else [])
            return json.dumps({name: self.value() for name in names}).encode()
        if kind < 0.85:
            return json.dumps(self.value()).encode()
        if kind < 0.92:
            text = json.dumps({self.choice(fields): self.value()}).encode()
            return text[:self.randrange(len(text))] if self.chance(0.5) else text + self.randbytes(self.randrange(1, 9))
        if kind < 0.97:
            return self.randbytes(self.randrange(600))
        deep = self.choice([10, 1000, 30_000])
        return self.choice([b"[" * deep, b'{"a":' * deep, b"9" * deep, b'"' + b"\\" * deep, b" " * deep])

    def request(self, templates, fields, host):
        """Bytes, and whether an answer must come."""
        if self.chance(0.02):
            return self.randbytes(self.randrange(1, 400)), False
        body = self.body(fields)
        if self.chance(0.003):
            body = b"x" * self.choice([65_536, 65_537, 300_000])
        template, methods = self.choice(templates)
        lines = [f"{self.choice(methods if self.chance(0.7) else METHODS)} {self.path(template)} HTTP/1.1"]
        if self.chance(0.98):
            lines.append("Host: " + (host if self.chance(0.9) else self.choice(["evil.example", "", "[::1]", "a" * 300])))
        if self.chance(0.7):
            lines.append("Content-Type: " + (self.choice(["application/json"] * 8 + ["text/plain", "", "application/json; charset=x", "a" * 200])))
        if self.chance(0.1):
            lines.append("Authorization: " + self.choice(["Bearer x", "Basic eA==", "Bearer", "", "Bearer " + "t" * 5000]))
        if self.chance(0.1):
            lines.append("Origin: " + self.choice(["http://evil.example", "null", "http://" + host, ""]))
        if self.chance(0.1):
            lines.append(f"X-{self.randrange(100)}: " + "v" * self.choice([0, 10, 2000, 9000, 40_000]))
        if self.chance(0.05):
            lines.append("If-None-Match: " + self.choice(["*", '"0"', "W/"]))
        if self.chance(0.05):
            lines.append("Accept: " + self.choice(["application/openmetrics-text", "*/*", "text/html", ""]))
        if self.chance(0.02):
            lines.append("Expect: " + self.choice(["100-continue", "nonsense"]))
        # What is far too large is not read to its end; the answer may be lost on who still writes.
        must = len(body) <= 4 * 65_536 and sum(map(len, lines)) < 30_000
        end = "\r\n\r\n"
        if self.chance(0.03):
            lines.append(f"Content-Length: {len(body) + self.randrange(1, 100_000)}")
            must = False
        elif self.chance(0.03):
            lines.append("Content-Length: " + self.choice(["-1", "x", "99999999999999999999", "1, 2", ""]))
            must = False
        elif body and self.chance(0.1):
            lines.append("Transfer-Encoding: chunked")
            cut = self.randrange(len(body) + 1)
            body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in [body[:cut], body[cut:]] if part) + b"0\r\n\r\n"
        else:
            lines.append(f"Content-Length: {len(body)}")
        lines.append("Connection: close")
        return "\r\n".join(lines).encode("utf-8", "surrogatepass") + end.encode() + body, must


class Client(threading.Thread):
    def __init__(self, number, count, seed, port, templates, fields):
        super().__init__(daemon=True)
        self.number, self.count, self.port = number, count, port
        self.dice = Dice(f"{seed}/{number}")
        self.templates, self.fields = templates, fields
        self.statuses = collections.Counter()
        self.faults = []
        self.slowest = 0.0

    def run(self):
        for index in range(self.count):
            data, must = self.dice.request(self.templates, self.fields, f"127.0.0.1:{self.port}")
            source = f"127.{1 + self.number}.{index >> 8 & 255}.{1 + index % 254}"
            began = time.monotonic()
            status = self.exchange(data, must, source)
            took = time.monotonic() - began
            self.slowest = max(self.slowest, took)
            self.statuses[status] += 1
            if isinstance(status, int) and status >= 500 or must and status in ("silence", "refused", "closed", "broken off"):
                self.faults.append((status, round(took, 2), data[:300]))

    def exchange(self, data, must, source):
        """The status of the answer; a word where there is none."""
        try:
            line = socket.create_connection(("127.0.0.1", self.port), PATIENCE, (source, 0))
        except OSError:
            return "refused"
        with line:
            try:
                if len(data) > 1 and self.dice.chance(0.1):
                    cut = self.dice.randrange(1, len(data))
                    line.sendall(data[:cut])
                    time.sleep(0.001)
                    line.sendall(data[cut:])
                else:
                    line.sendall(data)
                if not must:
                    # The service may wait for the rest; we do not.
                    line.settimeout(0.01)
                answer = line.recv(4096)
            except TimeoutError:
                return "silence"
            except OSError:
                # Refused in the middle of what we wrote: a body that is too large is not read to its end.
                return "broken off"
        if not answer:
            return "closed"
        head = answer.split(b" ", 2)
        return int(head[1]) if len(head) > 1 and head[0].startswith(b"HTTP/") and head[1].isdigit() else "no HTTP"


def dawdle(port, stop):
    """Clients that open a request and write a byte a second, and listeners that never read."""
    lines = []
    for number in range(60):
        line = socket.create_connection(("127.0.0.1", port), PATIENCE)
        if number % 3 == 0:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        else:
            line.sendall(b"POST /set_resources HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5000\r\n\r\n{")
        lines.append((number, line))
    while not stop.wait(1):
        for number, line in lines:
            if number % 3:
                try:
                    line.sendall(b" ")
                except OSError:
                    pass


def rounds(service):
    state = service.get("/api/v1/state")
    return state["round"], state["missed_rounds"], state["tick"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / ".build/release/marlise"))
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--clients", type=int, default=4, help="at the same time (default: 4)")
    parser.add_argument("--pods", type=int, default=20)
    options = parser.parse_args()
    with Service(options.program, ["--cluster", "simulated", "--start", "--n_agents", str(options.pods), "--resources", str(300 * options.pods)]) as service:
        document = service.get("/openapi.json")
        templates = [(path, [name.upper() for name in methods]) for path, methods in document["paths"].items()]
        templates += [(path, ["GET"]) for path in ["/", "/assets/page.js", "/openapi.json", "/favicon.ico"]]
        fields = sorted({name for path in document["paths"].values() for operation in path.values()
                         for content in operation.get("requestBody", {}).get("content", {}).values() for name in content["schema"]["properties"]})
        port = int(service.url.rsplit(":", 1)[1])
        stop = threading.Event()
        threading.Thread(target=dawdle, args=(port, stop), daemon=True).start()
        time.sleep(3)
        before = rounds(service)
        began = time.monotonic()
        clients = [Client(number, options.requests // options.clients, options.seed, port, templates, fields) for number in range(options.clients)]
        for client in clients:
            client.start()
        while any(client.is_alive() for client in clients):
            if service.process.poll() is not None:
                print(f"FAILED  the service ended with {service.process.returncode}: {open(service.log.name).read()[-3000:]}")
                sys.exit(1)
            time.sleep(0.2)
        took = time.monotonic() - began
        after = rounds(service)
        stop.set()
    # What the program ends with after SIGTERM.
    isWhole = service.process.returncode == 143
    statuses = sum((client.statuses for client in clients), collections.Counter())
    faults = [fault for client in clients for fault in client.faults]
    print(f"{sum(statuses.values())} requests in {took:.0f} s: " + ", ".join(f"{key}: {count}" for key, count in sorted(statuses.items(), key=str)))
    print(f"the slowest answer took {max(client.slowest for client in clients):.2f} s; {after[0] - before[0]} rounds, {after[1] - before[1]} missed, "
          f"a round took {after[2]['p50'] * 1e3:.1f} ms in the median, {after[2]['p99'] * 1e3:.1f} ms at most but for one in a hundred")
    for fault in faults[:20]:
        print("FAILED ", fault)
    print(f"{'ok     ' if not faults and isWhole else 'FAILED '} {len(faults)} faults; the service ended in good order: {isWhole}")
    sys.exit(0 if not faults and isWhole else 1)


if __name__ == "__main__":
    main()
