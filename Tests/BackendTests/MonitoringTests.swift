import Control
import Foundation
import Testing

@testable import Backend

/// Alert rules and dashboard against what `/metrics` really has.
@Suite("Monitoring")
struct MonitoringTests {
  private static func config(_ path: String) throws -> String {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return try String(contentsOf: root.appendingPathComponent("configs/" + path), encoding: .utf8)
  }

  private static func words(_ pattern: String, in text: String) throws -> Set<String> {
    let expression = try NSRegularExpression(pattern: pattern, options: [.anchorsMatchLines])
    return Set(
      expression.matches(in: text, range: NSRange(text.startIndex..., in: text)).compactMap {
        Range($0.range(at: 1), in: text).map { String(text[$0]) }
      })
  }

  /// A sample's name with its labels' names, of every sample of an instance that is elected and drives pods.
  private static func samples() throws -> [String: Set<String>] {
    let bench = try Bench(
      isRunning: true, election: ElectionFacts(identity: "a", leader: "a", isLeader: true, lease: "default/marlise"))
    defer { bench.stop() }
    // Response times are there once there were requests.
    _ = bench.wait { bench.session.snapshot.pods.contains { $0.responses?.p95 != nil } }
    var samples: [String: Set<String>] = [:]
    for line in bench.send("GET", "/metrics").text.split(separator: "\n") where !line.hasPrefix("#") {
      let name = String(line.prefix { $0 != "{" && $0 != " " })
      samples[name, default: []].formUnion(try words(#"[{,]([a-z_]+)="#, in: String(line)))
    }
    return samples
  }

  @Test(arguments: [
    "prometheus/alerts.yaml", "kubernetes/components/prometheus-operator/rules.yaml", "grafana/marlise.json",
  ])
  func `every metric that is asked for is there, and every one that is there is on the dashboard`(path: String) throws {
    let known = try Self.samples()
    let named = try Self.words(#"\b(marlise_[a-z0-9_]+)"#, in: try Self.config(path))
    #expect(named.subtracting(known.keys) == [], "asked for, but not in /metrics")
    guard path.hasSuffix(".json") else { return }
    // Sums and counts of histograms are what quantiles are made of.
    let missing = Set(known.keys).subtracting(named).filter { !$0.hasSuffix("_sum") && !$0.hasSuffix("_count") }
    #expect(missing == [])
  }

  @Test func `labels in the queries are labels of the metrics`() throws {
    let known = try Self.samples()
    for path in ["prometheus/alerts.yaml", "grafana/marlise.json"] {
      let text = try Self.config(path).replacingOccurrences(of: "\\\"", with: "\"")
      let expression = try NSRegularExpression(pattern: #"(marlise_[a-z0-9_]+)\{([^}]*)\}"#)
      for match in expression.matches(in: text, range: NSRange(text.startIndex..., in: text)) {
        guard let name = Range(match.range(at: 1), in: text), let filter = Range(match.range(at: 2), in: text) else {
          continue
        }
        let labels = try Self.words(#"([a-z_]+)\s*(?:=~|!~|!=|=)"#, in: String(text[filter]))
        #expect(labels.isSubset(of: known[String(text[name])] ?? []), "\(text[name]) in \(path)")
      }
    }
  }

  @Test func `the operator's rules are the rules of alerts.yaml`() throws {
    func rules(_ path: String, after start: String) throws -> [String] {
      let lines = try Self.config(path).components(separatedBy: "\n")
      let from = try #require(lines.firstIndex { $0.hasSuffix(start) })
      let indentation = lines[from].prefix { $0 == " " }.count
      return lines[from...].map { String($0.dropFirst(min(indentation, $0.count))) }
    }
    #expect(
      try rules("prometheus/alerts.yaml", after: "groups:")
        == rules("kubernetes/components/prometheus-operator/rules.yaml", after: "groups:"))
  }

  @Test func `an instance that stands by takes no changes, and says who acts`() throws {
    let bench = try Bench(
      election: ElectionFacts(identity: "b", leader: "a", isLeader: false, lease: "marlise/marlise"))
    defer { bench.stop() }
    let answer = bench.send("POST", "/start")
    #expect(answer.status == 409)
    #expect(answer.message == "this instance stands by; a acts (lease marlise/marlise): ask that one")
    #expect(!bench.session.snapshot.settings.isRunning)
    #expect(bench.send("GET", "/status").status == 200)
  }

  @Test func `who has lost sight of the lease still takes changes: nobody else is known to act`() throws {
    let bench = try Bench(
      election: ElectionFacts(identity: "b", leader: "b", isLeader: false, lease: "marlise/marlise"))
    defer { bench.stop() }
    #expect(bench.send("POST", "/start").status == 200)
  }
}
