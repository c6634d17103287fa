"""Starts `marlise serve` (and `marlise emulate`) on free ports for the scripts that look at the page."""

import json
import re
import subprocess
import tempfile
import time
import urllib.request


class Program:
    """A server of ours, with the address that it says on standard error. Use as a context manager."""

    patience = 30  # seconds until it says it

    def __init__(self, program, arguments, pattern):
        self.log = tempfile.NamedTemporaryFile("w+", prefix="marlise-", suffix=".log", delete=False)
        self.process = subprocess.Popen([program, *arguments], stdout=self.log, stderr=self.log)
        end = time.monotonic() + self.patience
        self.url = None
        while self.url is None:
            with open(self.log.name) as file:
                text = file.read()
            found = re.search(pattern, text)
            if found:
                self.url = found.group(1)
            elif self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise RuntimeError(f"{' '.join(arguments)} does not start: {text.strip()}")
            else:
                time.sleep(0.05)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def kill(self):
        self.process.kill()
        self.process.wait()


class Service(Program):
    def __init__(self, program, arguments, port=0):
        super().__init__(program, ["serve", "--port", str(port), *arguments], r"serving.*url=\"?(http[^\s\"]+)")

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)


class Emulator(Program):
    def __init__(self, program, arguments):
        super().__init__(program, ["emulate", *arguments], r"(http://127\.0\.0\.1:\d+)")
