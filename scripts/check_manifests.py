#!/usr/bin/env python3
"""Renders configs/kubernetes and holds every object against the schemas of the Kubernetes API.

    scripts/check_manifests.py [--versions 1.33 1.36] [--program .build/release/marlise]

Needs kubectl (or kustomize) and the Python package kubernetes-validate, which carries the schemas; where one is missing it says so
and ends with 77, which the tests take for "skipped". Beside the schemas it checks what an admission controller would refuse (Pod
Security "restricted", and how far the node agent leaves it), that references between objects lead somewhere, and, given a
program, that it takes every container's command line and configuration.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "configs/kubernetes"
SKIPPED = 77

# The operator's kinds are not of the Kubernetes API. These are the fields of theirs that are used here, as its definitions
# (prometheus-operator 0.84, example/prometheus-operator-crd) name them.
DURATION = {"type": "string", "pattern": "^([0-9]+h)?([0-9]+m)?([0-9]+s)?$", "minLength": 2}
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}


def an_object(required, **properties):
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def a_list(items):
    return {"type": "array", "items": items, "minItems": 1}


OPERATOR = {
    "ServiceMonitor": an_object(
        ["selector", "endpoints"],
        selector=an_object([], matchLabels=TEXTS),
        namespaceSelector=an_object([], matchNames=a_list({"type": "string"})),
        endpoints=a_list(
            an_object(
                ["port"], port={"type": "string"}, path={"type": "string"}, honorLabels={"type": "boolean"},
                interval=DURATION, scrapeTimeout=DURATION)),
    ),
    "PrometheusRule": an_object(
        ["groups"],
        groups=a_list(
            an_object(
                ["name", "rules"], name={"type": "string"},
                rules=a_list(
                    an_object(
                        ["alert", "expr"], alert={"type": "string"}, expr={"type": "string"}, labels=TEXTS,
                        annotations=TEXTS, **{"for": DURATION})))),
    ),
}


def skip(reason):
    print(f"check_manifests: skipped: {reason}", file=sys.stderr)
    sys.exit(SKIPPED)


def render(folder):
    for command in (["kubectl", "kustomize"], ["kustomize", "build"]):
        if shutil.which(command[0]):
            break
    else:
        skip("neither kubectl nor kustomize is here")
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True)
    if done.returncode != 0 or done.stderr.strip():
        return None, done.stderr.strip() or f"{command[0]} fails"
    return done.stdout, None


def pod_template(thing):
    return thing.get("spec", {}).get("template", {}).get("spec") if thing["kind"] in WORKLOADS else None


WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")


def hardening(thing, is_restricted):
    """What Pod Security's level "restricted" asks for, and what we ask for besides."""
    pod = pod_template(thing)
    if pod is None:
        return
    context = pod.get("securityContext", {})
    if context.get("runAsNonRoot") is not True or not context.get("runAsUser"):
        yield "may run as root"
    if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "has no seccomp profile"
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(name):
            yield f"has {name}"
    for container in pod.get("containers", []) + pod.get("initContainers", []):
        own = container.get("securityContext", {})
        if own.get("allowPrivilegeEscalation") is not False:
            yield f"{container['name']} may gain privileges"
        if own.get("readOnlyRootFilesystem") is not True:
            yield f"{container['name']} may write to its root"
        if own.get("capabilities", {}).get("drop") != ["ALL"] or own["capabilities"].get("add"):
            yield f"{container['name']} keeps capabilities"
        for kind in ("requests", "limits"):
            for resource in ("cpu", "memory"):
                if resource not in container.get("resources", {}).get(kind, {}):
                    yield f"{container['name']} has no {kind} of {resource}"
        for mount in container.get("volumeMounts", []):
            if mount.get("readOnly") is not True:
                yield f"{container['name']} may write to {mount['mountPath']}"
    for volume in pod.get("volumes", []):
        if "hostPath" in volume and (is_restricted or volume["hostPath"]["path"] != "/sys/fs/cgroup"):
            yield f"mounts {volume['hostPath']['path']} of the node"
    if pod.get("serviceAccountName", "default") == "default" and pod.get("automountServiceAccountToken") is not False:
        yield "has a token that it does not need"


def references(things):
    """Names that lead nowhere."""

    def names(kind):
        return {(t["metadata"].get("namespace"), t["metadata"]["name"]) for t in things if t["kind"] == kind}

    for thing in things:
        here = f"{thing['kind']}/{thing['metadata']['name']}"
        space = thing["metadata"].get("namespace")
        if thing["kind"] == "RoleBinding":
            kind = thing["roleRef"]["kind"]
            if (None if kind == "ClusterRole" else space, thing["roleRef"]["name"]) not in names(kind):
                yield f"{here}: there is no {kind} {thing['roleRef']['name']}"
        if thing["kind"].endswith("RoleBinding"):
            for subject in thing["subjects"]:
                if (subject["namespace"], subject["name"]) not in names("ServiceAccount"):
                    yield f"{here}: there is no ServiceAccount {subject['namespace']}/{subject['name']}"
        pod = pod_template(thing)
        if pod is not None:
            account = pod.get("serviceAccountName")
            if account and (space, account) not in names("ServiceAccount"):
                yield f"{here}: there is no ServiceAccount {account}"
            for volume in pod.get("volumes", []):
                if "configMap" in volume and (space, volume["configMap"]["name"]) not in names("ConfigMap"):
                    yield f"{here}: there is no ConfigMap {volume['configMap']['name']}"
            labels = thing["spec"]["template"]["metadata"]["labels"]
            if not thing["spec"]["selector"]["matchLabels"].items() <= labels.items():
                yield f"{here}: its selector does not match its own pods"
        if thing["kind"] == "Service":
            # The one that acts says so while it runs.
            wanted = {k: v for k, v in thing["spec"]["selector"].items() if k != "marlise/leader"}
            if not any(
                pod_template(t) is not None and t["metadata"]["namespace"] == space
                and wanted.items() <= t["spec"]["template"]["metadata"]["labels"].items() for t in things
            ):
                yield f"{here}: it leads to nobody"


def command_lines(things, program):
    """Containers that the program would not start with their arguments."""
    maps = {(t["metadata"].get("namespace"), t["metadata"]["name"]): t["data"] for t in things if t["kind"] == "ConfigMap"}
    for thing in things:
        pod = pod_template(thing) or {}
        for container in pod.get("containers", []):
            with tempfile.TemporaryDirectory() as folder:
                arguments = [re.sub(r"\$\([A-Z_]+\)", "somewhere", word) for word in container["args"]]
                for volume in pod.get("volumes", []):
                    for mount in container["volumeMounts"]:
                        if "configMap" in volume and mount["name"] == volume["name"]:
                            files = maps.get((thing["metadata"]["namespace"], volume["configMap"]["name"]), {})
                            for name, text in files.items():
                                pathlib.Path(folder, name).write_text(text)
                            arguments = [word.replace(mount["mountPath"], folder) for word in arguments]
                done = subprocess.run([program, *arguments, "--print-config"], capture_output=True, text=True)
            if done.returncode != 0:
                yield f"{thing['kind']}/{thing['metadata']['name']}: {done.stderr.strip()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--versions", nargs="+", default=["1.33", "1.36"], help="of Kubernetes (default: 1.33 1.36)")
    parser.add_argument("--program", help="a built marlise, to which the command lines are shown")
    options = parser.parse_args()
    try:
        import jsonschema
        import kubernetes_validate
        import yaml
    except ImportError as missing:
        skip(f"{missing.name} is not here (pip install kubernetes-validate)")

    faults = []
    count = 0
    overlays = sorted(path.parent for path in FOLDER.glob("overlays/*/kustomization.yaml"))
    for folder in overlays:
        text, fault = render(folder)
        if fault:
            faults.append(f"{folder.name}: {fault}")
            continue
        things = [thing for thing in yaml.safe_load_all(text) if thing]
        levels = {
            thing["metadata"]["name"]: thing["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce")
            for thing in things if thing["kind"] == "Namespace"
        }
        for thing in things:
            count += 1
            name = f"{folder.name}: {thing['kind']}/{thing['metadata']['name']}"
            if thing["apiVersion"].startswith("monitoring.coreos.com/"):
                try:
                    jsonschema.validate(thing["spec"], OPERATOR[thing["kind"]])
                except jsonschema.ValidationError as error:
                    faults.append(f"{name}: {error.message}")
            else:
                for version in options.versions:
                    try:
                        kubernetes_validate.validate(thing, version, strict=True)
                    except Exception as error:
                        faults.append(f"{name} ({version}): {str(error).splitlines()[0]}")
            level = levels.get(thing["metadata"].get("namespace"))
            if pod_template(thing) is not None and level is None:
                faults.append(f"{name}: its namespace has no Pod Security level")
            faults += [f"{name} {fault}" for fault in hardening(thing, level == "restricted")]
        faults += [f"{folder.name}: {fault}" for fault in references(things)]
        if options.program:
            faults += [f"{folder.name}: {fault}" for fault in command_lines(things, options.program)]
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        sys.exit(1)
    print(f"{count} objects of {len(overlays)} overlays are what Kubernetes {' and '.join(options.versions)} takes")


if __name__ == "__main__":
    main()
