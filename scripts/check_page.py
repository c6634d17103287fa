#!/usr/bin/env python3
"""Looks at the page of `marlise serve` in a headless Chromium: scripts/check_page.py [--program PATH]

It loads without an error, shows data that move (of the simulated pods, and of an emulated Kubernetes API), a control changes the
service, a refusal is shown, a pod is edited by keyboard alone, and it goes on by itself when the service comes back after its end. It
fits a telephone, shows hundreds of pods as a table that can be filtered, and asks for the token where reading demands one.
"""

import argparse
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import chromium  # noqa: E402
from service import Emulator, Service  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent


def check(what, isTrue):
    print(("ok      " if isTrue else "FAILED  ") + what, flush=True)
    if not isTrue:
        raise SystemExit(1)


def press(page, label):
    page.value("document.querySelector('%s').click()" % label)


def look(program, arguments, name, pods):
    with Service(program, arguments) as service, chromium.Page() as page:
        page.open(service.url)
        check(f"{name}: the page shows {pods} pods", page.wait(f"document.querySelector('#figure-pods').textContent == '{pods}'"))
        check(f"{name}: it is stopped at first", page.value("document.querySelector('#running').textContent") == "stopped")
        press(page, "#start-stop")
        if name != "simulated pods":
            check(f"{name}: it asks before it resizes", page.wait("document.querySelector('#confirm').open"))
            press(page, "#confirm button[value=yes]")
        check(f"{name}: Start starts", page.wait("document.querySelector('#running').textContent == 'running'"))
        check(f"{name}: the service says so", service.get("/status") == {"status": True})
        before = page.value("document.querySelector('#cards').textContent")
        check(f"{name}: data move", page.wait("document.querySelector('#cards').textContent != %r" % before))
        drawn = ("(() => { const c = document.querySelector('.card canvas'); const d = c.getContext('2d')"
                 ".getImageData(0, 0, c.width, c.height).data; return d.some(v => v) })()")
        check(f"{name}: charts are drawn", page.wait(drawn))
        check(f"{name}: decisions come", page.wait("document.querySelectorAll('#decisions li').length > 0", 40))
        capacity = service.get("/resources")["resources"] + 130
        page.value("(() => { const f = document.querySelector('#control').elements; f.capacity.value = %d; "
                   "f.capacity.dispatchEvent(new Event('input', {bubbles: true})); document.querySelector('#save').click() })()" % capacity)
        check(f"{name}: a control changes the service",
              page.wait("document.querySelector('#answer').textContent == 'Done.'")
              and service.get("/resources") == {"resources": capacity})
        page.value("(() => { const f = document.querySelector('#control').elements; f.capacity.value = 1; "
                   "f.capacity.dispatchEvent(new Event('input', {bubbles: true})); document.querySelector('#save').click() })()")
        check(f"{name}: a refusal is shown in its words",
              page.wait("document.querySelector('#answer').textContent.includes('too small')"))
        # The refusal's status is in the browser's log by design; nothing else may be.
        problems = [problem for problem in page.problems if "422" not in problem]
        check(f"{name}: no error in the console {problems}", not problems)


def key(page, name, text=""):
    for kind in ["keyDown", "keyUp"]:
        page.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, text=text if kind == "keyDown" else "",
                  windowsVirtualKeyCode={"Enter": 13, "Escape": 27, "Tab": 9}.get(name, 0))


def keyboard(program):
    with Service(program, ["--cluster", "simulated", "--start"]) as service, chromium.Page(390, 844) as page:
        page.open(service.url)
        check("keyboard: the cards are there", page.wait("document.querySelectorAll('.card').length == 3"))
        check("telephone: nothing is wider than the screen", page.value("document.documentElement.scrollWidth <= innerWidth"))
        for _ in range(30):
            key(page, "Tab")
            if page.value("document.activeElement.getAttribute('aria-label') == 'Edit pod1'"):
                break
        check("keyboard: Tab leads to a pod's button", page.value("document.activeElement.getAttribute('aria-label') == 'Edit pod1'"))
        key(page, "Enter", "\r")
        check("keyboard: Enter opens the pod's form", page.wait("document.activeElement.name == 'priority' && !document.querySelector('#pod-panel').hidden"))
        page.value("document.activeElement.value = '0.5'")
        key(page, "Enter", "\r")
        check("keyboard: Enter saves it", page.wait("document.querySelector('#pod-answer').textContent == 'Done.'")
              and page.wait("fetch('/api/v1/pods/pod1').then(answer => answer.json()).then(pod => pod.priority == 0.5)"))
        key(page, "Escape")
        check("keyboard: Escape closes it, and the focus is where it was",
              page.wait("document.querySelector('#pod-panel').hidden && document.activeElement.getAttribute('aria-label') == 'Edit pod1'"))


def many(program):
    with Service(program, ["--cluster", "simulated", "--start", "--n_agents", "300", "--resources", "90000"]) as service, chromium.Page() as page:
        page.open(service.url)
        check("300 pods: they are a table", page.wait("document.querySelectorAll('#table-body tr').length == 300"))
        page.value("(() => { const f = document.querySelector('#filter'); f.value = 'pod29'; f.dispatchEvent(new Event('input', {bubbles: true})) })()")
        check("300 pods: the filter finds eleven", page.wait("document.querySelectorAll('#table-body tr').length == 11"))
        page.value("document.querySelector('th[data-column=limit] button').click()")
        check("300 pods: a column sorts", page.value("document.querySelector('th[data-column=limit]').getAttribute('aria-sort')") == "descending")
        check(f"300 pods: no error in the console {page.problems}", not page.problems)


def locked(program):
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("a-token-for-this-check")
        file.flush()
        with Service(program, ["--cluster", "simulated", "--token_file", file.name, "--token_reads"]) as service, chromium.Page() as page:
            page.open(service.url)
            check("token: the page asks for it", page.wait("document.querySelector('#banner').textContent.includes('token')"))
            page.value("(() => { const f = document.querySelector('#control').elements.token; f.value = 'a-token-for-this-check'; "
                       "for (const name of ['input', 'change']) f.dispatchEvent(new Event(name, {bubbles: true})) })()")
            check("token: with it the pods are there", page.wait("document.querySelector('#figure-pods').textContent == '3'"))
            press(page, "#start-stop")
            check("token: and Start starts", page.wait("document.querySelector('#running').textContent == 'running'"))


def restart(program):
    service = Service(program, ["--cluster", "simulated", "--start"])
    try:
        with chromium.Page() as page:
            page.open(service.url)
            check("restart: the page is there", page.wait("document.querySelector('#figure-pods').textContent == '3'"))
            port = int(service.url.rsplit(":", 1)[1])
            service.kill()
            check("restart: it says that the connection is lost", page.wait("!document.querySelector('#banner').hidden", 20))
            service = Service(program, ["--cluster", "simulated"], port=port)
            check("restart: it goes on with the new service",
                  page.wait("document.querySelector('#banner').hidden && document.querySelector('#running').textContent == 'stopped'", 30))
    finally:
        service.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=str(ROOT / ".build/release/marlise"))
    program = parser.parse_args().program
    if not chromium.program():
        raise SystemExit("check_page: there is no Chromium; apt-get install chromium")
    os.chdir(ROOT)
    look(program, ["--cluster", "simulated"], "simulated pods", 3)
    with tempfile.TemporaryDirectory() as folder:
        config = folder + "/kubeconfig"
        with Emulator(program, ["--pods", "4", "--housekeeping", "1", "--workload", "bursty", "--kubeconfig", config]):
            look(program, ["--cluster", "kubernetes", "--kubeconfig", config, "--apply", "--metrics", "kubelet"], "emulated API", 4)
    keyboard(program)
    many(program)
    locked(program)
    restart(program)


if __name__ == "__main__":
    main()
