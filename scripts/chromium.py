"""Drives a headless Chromium over its debugging pipe, with nothing but the standard library."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time

PROGRAMS = ["chromium", "chromium-browser", "google-chrome", "chrome"]


def program():
    """The browser's path; None where there is none."""
    return next((path for path in map(shutil.which, PROGRAMS) if path), None)


class Page:
    """One page of one browser. Use as a context manager."""

    def __init__(self, width=1280, height=900, dark=False, scale=1.0):
        self.size = (width, height, scale)
        self.dark = dark
        self.profile = tempfile.mkdtemp(prefix="marlise-chromium-")
        self.problems = []
        to_browser, self.out = os.pipe()
        self.inp, from_browser = os.pipe()

        def place():
            # Chromium reads commands from 3 and writes answers to 4; the copies must not be in each other's way.
            a, b = os.dup(to_browser), os.dup(from_browser)
            high_a, high_b = os.dup2(a, 100), os.dup2(b, 101)
            os.dup2(high_a, 3)
            os.dup2(high_b, 4)

        self.process = subprocess.Popen(
            [program(), "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--hide-scrollbars",
             "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--user-data-dir=" + self.profile,
             "about:blank"],
            preexec_fn=place, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.number = 0
        self.answers = {}
        self.arrived = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = None
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Runtime", "Log", "Network"]:
            self.call(domain + ".enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
        shutil.rmtree(self.profile, ignore_errors=True)

    def _listen(self):
        buffer = b""
        while True:
            try:
                piece = os.read(self.inp, 1 << 16)
            except OSError:
                piece = b""
            if not piece:
                with self.arrived:
                    self.answers["end"] = True
                    self.arrived.notify_all()
                return
            buffer += piece
            *messages, buffer = buffer.split(b"\0")
            for message in map(json.loads, messages):
                self._take(message)

    def _take(self, message):
        with self.arrived:
            if "id" in message:
                self.answers[message["id"]] = message
                self.arrived.notify_all()
            elif message.get("method") == "Runtime.exceptionThrown":
                details = message["params"]["exceptionDetails"]
                self.problems.append(details.get("exception", {}).get("description") or details["text"])
            elif message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
                entry = message["params"]["entry"]
                self.problems.append(entry["text"] + " " + entry.get("url", ""))
            elif message.get("method") == "Runtime.consoleAPICalled" and message["params"]["type"] == "error":
                self.problems.append(str(message["params"]["args"]))

    def call(self, method, **params):
        self.number += 1
        number = self.number
        message = {"id": number, "method": method, "params": params}
        if getattr(self, "session", None):
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + 30
        with self.arrived:
            while number not in self.answers:
                if "end" in self.answers or time.monotonic() > end:
                    raise RuntimeError("the browser does not answer " + method)
                self.arrived.wait(0.5)
            answer = self.answers.pop(number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def open(self, url):
        self.call("Page.navigate", url=url)

    def value(self, expression):
        """What a JavaScript expression gives; promises are waited for."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"].get("exception", {}).get("description", "failed") + " in " + expression)
        return result["result"].get("value")

    def wait(self, expression, seconds=15):
        """Waits until an expression is true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if self.value(expression):
                    return True
            except RuntimeError:
                pass
            time.sleep(0.1)
        return False

    def screenshot(self, path):
        image = self.call("Page.captureScreenshot", format="png")
        with open(path, "wb") as file:
            file.write(base64.b64decode(image["data"]))
