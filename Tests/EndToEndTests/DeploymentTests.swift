import Foundation
import Testing

/// A program of the machine that tests may need, run to its end.
private enum Tool {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// - Parameter environment: in place of the tests' own; nil for that.
  static func run(
    _ words: [String], environment: [String: String]? = nil
  ) -> (status: Int32, output: String, errors: String)? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    process.currentDirectoryURL = root
    process.standardInput = FileHandle.nullDevice
    if let environment { process.environment = environment }
    // Files, not pipes: nobody has to read one while the other fills.
    guard let folder = try? TemporaryFolder(),
      FileManager.default.createFile(atPath: folder.path("output"), contents: nil),
      FileManager.default.createFile(atPath: folder.path("errors"), contents: nil),
      let output = FileHandle(forWritingAtPath: folder.path("output")),
      let errors = FileHandle(forWritingAtPath: folder.path("errors"))
    else { return nil }
    process.standardOutput = output
    process.standardError = errors
    guard (try? process.run()) != nil else { return nil }
    process.waitUntilExit()
    return (
      process.terminationStatus, (try? folder.text("output")) ?? "", (try? folder.text("errors")) ?? ""
    )
  }

  static func has(_ words: String...) -> Bool { run(words)?.status == 0 }

  static let hasSchemas = has("python3", "-c", "import kubernetes_validate, jsonschema, yaml")
  static let hasKubectl = has("kubectl", "kustomize", "--help")
  static let hasShellcheck = has("shellcheck", "--version")
  static let hasPromtool = has("promtool", "--version")
  static let hasSystemd = has("systemd-analyze", "--version")
  static let mayMount = has("unshare", "-m", "true")
}

@Suite("Deployment")
struct DeploymentTests {
  @Test(
    "every object is what the API takes, and every container's command line is one that the program takes",
    .enabled(if: Tool.hasSchemas && Tool.hasKubectl, "no kubectl, or no Python with kubernetes-validate"))
  func manifests() throws {
    let check = try #require(Tool.run(["scripts/check_manifests.py", "--program", try Program.path]))
    #expect(check.status == 0, "\(check.errors)")
    #expect(check.output.contains("objects of 6 overlays"))
  }

  @Test(
    "configuration files of serve are understood",
    arguments: [
      "kubernetes/central", "kubernetes/node-agent", "kubernetes/overlays/demo", "kubernetes/overlays/demo-node-agent",
      "kubernetes/overlays/shared-pool", "systemd",
    ])
  func configurations(folder: String) throws {
    let file = Tool.root.appendingPathComponent("configs/\(folder)/marlise.yaml").path
    let result = try Program.run("serve", "--config", file, "--print-config")
    #expect(result.code == 0, "\(result.errors)")
    // Whoever can write to the cluster says so in one place.
    #expect(result.output.contains("apply: false"))
  }

  @Test("shell scripts are what shellcheck likes", .enabled(if: Tool.hasShellcheck, "no shellcheck"))
  func shellcheck() throws {
    let find = try #require(Tool.run(["find", "scripts", ".ci/run", "-name", "*.sh", "-o", "-path", ".ci/run"]))
    let scripts = find.output.split(separator: "\n").map(String.init)
    #expect(scripts.count > 10)
    let check = try #require(Tool.run(["shellcheck", "--external-sources"] + scripts))
    #expect(check.status == 0, "\(check.output)")
  }

  @Test("alert rules are what Prometheus takes", .enabled(if: Tool.hasPromtool, "no promtool"))
  func rules() throws {
    let check = try #require(Tool.run(["promtool", "check", "rules", "configs/prometheus/alerts.yaml"]))
    #expect(check.status == 0, "\(check.output)\(check.errors)")
  }

  @Test("the unit is what systemd takes, and it is hardened", .enabled(if: Tool.hasSystemd, "no systemd-analyze"))
  func unit() throws {
    let folder = try TemporaryFolder()
    let text = try String(
      contentsOf: Tool.root.appendingPathComponent("configs/systemd/marlise.service"), encoding: .utf8)
    let unit = try folder.write(
      "marlise.service", text.replacingOccurrences(of: "/usr/bin/marlise", with: try Program.path))
    let check = try #require(Tool.run(["systemd-analyze", "verify", "--man=no", unit]))
    #expect(check.status == 0 && check.errors.isEmpty, "\(check.errors)")
    // From 0, nothing is left to attack, to 10. 2 is the threshold; what is left is the network.
    let exposure = try #require(
      Tool.run(["systemd-analyze", "security", "--offline=yes", "--threshold=20", "--no-pager", unit]))
    #expect(exposure.status == 0, "\(exposure.output.suffix(200))")
  }

  @Test(
    "the folder that a container is made of holds all that the program needs, and no shell",
    .enabled(if: Tool.mayMount, "only root may mount"))
  func runtime() throws {
    let folder = try TemporaryFolder()
    let root = folder.path("root")
    let made = try #require(Tool.run(["scripts/runtime_root.sh", try Program.path, root]))
    #expect(made.status == 0, "\(made.errors)")
    #expect(!folder.has("root/usr/bin/sh"))
    for words in [
      ["version"], ["infer", "--cluster", "simulated", "--once"],
      ["serve", "--cluster", "simulated", "--start", "--port", "0", "--duration", "2", "--log_format", "json"],
    ] {
      // As a container would: read-only, with /proc, as nobody in particular.
      let script =
        "mount --bind $0 $0 && mount -t proc proc $0/proc && mount -o remount,ro,bind $0 && "
        + "exec env -i PATH=/usr/sbin:/usr/bin chroot --userspec=65532:65532 $0 /usr/bin/marlise \"$@\""
      let run = try #require(Tool.run(["unshare", "-m", "sh", "-c", script, root] + words))
      #expect(run.status == 0, "\(words): \(run.errors)")
    }
    let again = try #require(Tool.run(["scripts/runtime_root.sh", try Program.path, root]))
    #expect(again.status == 2 && again.errors.contains("is not empty"))
  }
}

@Suite("Scripts for microk8s and k3s")
struct ClusterScriptTests {
  /// Runs one with a folder for temporary files of its own, and expects it to leave nothing there.
  private func rehearse(
    _ script: String, _ arguments: [String]
  ) throws -> (status: Int32, output: String, errors: String) {
    let folder = try TemporaryFolder()
    let run = try #require(
      Tool.run(
        ["bash", "scripts/\(script)"] + arguments,
        environment: ["PATH": "/usr/bin:/bin", "HOME": folder.url.path, "TMPDIR": folder.url.path]))
    #expect(folder.names == [])
    return run
  }

  private func commands(_ script: String, _ arguments: String...) throws -> [String] {
    let run = try rehearse(script, arguments + ["--dry-run"])
    #expect(run.status == 0, "\(run.errors)")
    return run.output.split(separator: "\n").filter { $0.hasPrefix("+ ") }.map { String($0.dropFirst(2)) }
  }

  @Test func `a current microk8s needs no feature gate`() throws {
    #expect(
      try commands("microk8s/setup.sh", "--version", "1.33") == [
        "snap install microk8s --classic --channel=1.33/stable",
        "microk8s status --wait-ready --timeout 300",
        "microk8s enable dns",
        "microk8s enable metrics-server",
        "microk8s kubectl wait --for condition=Ready node --all --timeout 300s",
      ])
  }

  @Test func `an older microk8s gets it for every component that looks at it`() throws {
    let commands = try commands("microk8s/setup.sh", "--version", "1.32")
    for component in ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet"] {
      let line =
        "echo --feature-gates=InPlacePodVerticalScaling=true >>/var/snap/microk8s/current/args/\(component)"
      #expect(commands.contains(line))
    }
    #expect(commands.contains("microk8s stop") && commands.contains("microk8s start"))
  }

  @Test func `k3s is installed in one go, with the gate only where it is needed`() throws {
    let current = try commands("k3s/setup.sh", "--version", "1.36")
    #expect(
      current == [
        "curl --fail --silent --show-error --location --output SCRATCH/install-k3s.sh https://get.k3s.io",
        #"env INSTALL_K3S_CHANNEL=v1.36 INSTALL_K3S_EXEC=server\ --write-kubeconfig-mode=600 sh SCRATCH/install-k3s.sh"#,
        "k3s kubectl wait --for condition=Ready node --all --timeout 300s",
        "k3s kubectl --namespace kube-system wait --for condition=Available deployment/metrics-server --timeout 300s",
      ])
    let older = try commands("k3s/setup.sh", "--version", "1.29")
    #expect(older[1].contains(#"\ --kubelet-arg=feature-gates=InPlacePodVerticalScaling=true"#))
  }

  @Test(arguments: [
    ("microk8s", "microk8s kubectl", "microk8s images import"), ("k3s", "k3s kubectl", "k3s ctr images import"),
  ])
  func `deploying brings image, token and objects, and waits`(cluster: String, kubectl: String, load: String) throws {
    #expect(
      try commands("\(cluster)/deploy_all.sh") == [
        "docker build --tag marlise:0.1.0 .",
        "docker save --output SCRATCH/marlise-0.1.0.tar marlise:0.1.0",
        "\(load) SCRATCH/marlise-0.1.0.tar",
        "\(kubectl) create namespace marlise",
        "head -c 24 /dev/urandom | base64 | tr -d '\\n' | \(kubectl) --namespace marlise create secret generic marlise-token --from-file=token=/dev/stdin",
        "\(kubectl) apply --kustomize configs/kubernetes/overlays/demo",
        "\(kubectl) --namespace marlise-demo rollout status statefulset/demo --timeout 300s",
        "\(kubectl) --namespace marlise rollout status deployment/marlise --timeout 300s",
      ])
    #expect(
      try commands("\(cluster)/deploy_all.sh", "--overlay", "demo-node-agent", "--image", "image.tar") == [
        "\(load) image.tar",
        "\(kubectl) create namespace marlise-agents",
        "head -c 24 /dev/urandom | base64 | tr -d '\\n' | \(kubectl) --namespace marlise-agents create secret generic marlise-token --from-file=token=/dev/stdin",
        "\(kubectl) apply --kustomize configs/kubernetes/overlays/demo-node-agent",
        "\(kubectl) --namespace marlise-demo rollout status statefulset/demo --timeout 300s",
        "\(kubectl) --namespace marlise-agents rollout status daemonset/marlise-agent --timeout 300s",
      ])
  }

  @Test(arguments: ["microk8s", "k3s"])
  func `taking away begins with whoever must put limits back`(cluster: String) throws {
    #expect(
      try commands("\(cluster)/teardown.sh", "--overlay", "shared-pool") == [
        "\(cluster) kubectl --namespace marlise-agents delete daemonset/marlise-agent --ignore-not-found --cascade foreground --timeout 120s",
        "\(cluster) kubectl --namespace marlise-agents delete deployment/marlise-share --ignore-not-found --cascade foreground --timeout 120s",
        "\(cluster) kubectl delete --kustomize configs/kubernetes/overlays/shared-pool --ignore-not-found --timeout 300s",
      ])
  }

  @Test(arguments: [
    (
      "microk8s/setup.sh", ["--version", "1.26"],
      "setup: version '1.26' cannot resize pods in place: 1.27 is the oldest that can"
    ),
    ("k3s/setup.sh", ["--version"], "setup: --version expects a version such as 1.36"),
    (
      "k3s/setup.sh", ["--version", "latest"],
      "setup: version 'latest' cannot resize pods in place: 1.27 is the oldest that can"
    ),
    (
      "microk8s/deploy_all.sh", ["--overlay", "nowhere"],
      "deploy_all: unknown overlay 'nowhere', expected central, demo, monitoring, demo-node-agent or shared-pool"
    ),
    ("k3s/deploy_all.sh", ["--image", "nothing.tar"], "deploy_all: there is no file nothing.tar"),
    ("k3s/teardown.sh", ["--image", "x"], "teardown: unknown argument '--image'"),
    ("microk8s/teardown.sh", ["now"], "teardown: unknown argument 'now'"),
    ("runtime_root.sh", ["one"], "runtime_root: expected a program and a folder"),
    ("runtime_root.sh", ["/nowhere/marlise", "root"], "runtime_root: there is no program at /nowhere/marlise"),
    ("load.sh", ["http://127.0.0.1:1/", "soon"], "load: 'soon' is not a whole number from 1 to 99999"),
  ])
  func `what cannot be is refused in one sentence`(script: String, arguments: [String], sentence: String) throws {
    let run = try rehearse(script, arguments)
    #expect(run.status == 2)
    #expect(run.output == "")
    #expect(run.errors.hasPrefix(sentence) && run.errors.split(separator: "\n").count == 1, "\(run.errors)")
  }
}
