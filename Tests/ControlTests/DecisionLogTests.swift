import Autoscaling
import Foundation
import Testing

@testable import Control

/// A policy whose outputs depend on everything it sees, so that any difference in a replay shows.
private struct Mixing: ActionSource {
  mutating func act(_ observations: UnsafePointer<Float>, rows: Int, actions: UnsafeMutablePointer<Float>) {
    for row in 0..<rows {
      var sum: Float = 0.3
      for index in 0..<42 { sum = sum * 0.93 + observations[row * 42 + index] * Float(index % 5 - 2) }
      actions[row] = sum > 5 ? .nan : sum.truncatingRemainder(dividingBy: 1)
    }
  }
}

@Suite("Decision log")
struct DecisionLogTests {
  let folder: TestFolder
  var path: String { folder.path + "/decisions.jsonl" }

  init() throws { folder = try TestFolder() }

  private static let settings = DecisionSettings(
    action: ActionSpace(kind: .delta), shield: SafetyShield(stepMaximum: 40, deadband: 3, sampleAgeMaximum: 2))

  private func header(applies: Bool = true) -> DecisionLogHeader {
    DecisionLogHeader(
      version: "0", started: "2026-01-01T00:00:00Z", applies: applies, interval: 1,
      agents: .init(checkpoint: "a.h5", sha256: "00", algorithm: "ppo", hack: nil), settings: Self.settings)
  }

  /// A run in which pods come and go, resizes are refused and held back, and the group grows.
  private func log(rounds: Int, seed: UInt64, applies: Bool = true) throws {
    let cluster = ScriptedCluster()
    cluster.roundsLeft = rounds
    cluster.resizesAvailable = 2
    let loop = try ControlLoop(cluster: cluster, settings: Self.settings, interval: 1, applies: applies) { _ in
      AgentPolicy(Mixing())
    }
    let writer = try DecisionLogWriter(path: path, header: header(applies: applies))
    var state = seed &+ 1
    func below(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    try loop.run(rounds: nil, shouldStop: { false }) { round, loop in
      try writer.write(round, loop.group, actions: loop.policy.actions)
      cluster.refused = below(4) == 0 ? [below(2)] : []
      cluster.quiet = below(5) == 0 ? [below(2)] : []
      cluster.absent = below(6) == 0 ? [below(2)] : []
      cluster.reserved = below(3) * 50
      if below(7) == 0 { cluster.limits[below(cluster.limits.count)] = 10 * (5 + below(30)) }
      if below(20) == 0 {
        cluster.places.append(Place(PodDescription(name: "p\(cluster.places.count)", bounds: 70...900), original: 123))
        cluster.limits.append(150)
      }
    }
  }

  private func replay() throws -> (replay: DecisionReplay<AgentPolicy<Mixing>>?, cuts: [Int]) {
    var replay: DecisionReplay<AgentPolicy<Mixing>>?
    var cuts: [Int] = []
    try DecisionLog.read(path) { line, _ in
      switch line {
      case .header(let header):
        replay = try DecisionReplay(header, makePolicy: { _ in AgentPolicy(Mixing()) }) { $0.actions }
      case .record(let record): try replay?.take(record)
      case .cut(let number): cuts.append(number)
      }
    }
    return (replay, cuts)
  }

  @Test("every decision is computed again bit for bit, whatever happened", arguments: 0..<12)
  func replays(seed: UInt64) throws {
    try log(rounds: 200, seed: seed, applies: seed % 4 != 3)
    let replay = try #require(try replay().replay)
    #expect(replay.differences == [])
    #expect(replay.rounds == 200)
    #expect(replay.decisions > 300)
  }

  @Test("one digit that was changed is found")
  func tampered() throws {
    try log(rounds: 30, seed: 1)
    var lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
    lines[10] = lines[10].replacing("\"usage\":100", with: "\"usage\":101", maxReplacements: 1)
    try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
    let replay = try #require(try replay().replay)
    let first = try #require(replay.differences.first)
    #expect(first.round == 9)
    #expect(first.quantity == "the observation")
  }

  @Test("a last line that was cut is told, and the rest counts; so it is when another run follows")
  func cut() throws {
    try log(rounds: 20, seed: 1)
    let text = try String(contentsOfFile: path, encoding: .utf8)
    try String(text.dropLast(40)).write(toFile: path, atomically: true, encoding: .utf8)
    let first = try replay()
    #expect(first.cuts == [21])
    #expect(first.replay?.rounds == 19)
    try log(rounds: 5, seed: 2)
    let second = try replay()
    #expect(second.cuts == [21])
    #expect(second.replay?.rounds == 5)
    #expect(second.replay?.differences == [])
  }

  @Test(
    "what is no decision log is refused with its line",
    arguments: [
      ("", "is empty"), ("hello\n", ":1: not a decision log"), ("{\"round\":1}\n{\"round\":2}\n", ":1: not a"),
    ])
  func refused(text: String, complaint: String) throws {
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    let error = #expect(throws: DecisionLogError.self) { try replay() }
    #expect(error?.description.contains(complaint) == true, "\(error?.description ?? "nothing")")
  }

  @Test("damage in the middle is refused, not skipped")
  func damaged() throws {
    try log(rounds: 10, seed: 1)
    var lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
    lines[4] = String(lines[4].dropLast(30))
    try (lines.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
    let error = #expect(throws: DecisionLogError.self) { try replay() }
    #expect(error?.description.contains(":5: not a line of a decision log") == true)
  }

  @Test("settings come back from a header as they went in")
  func header() throws {
    for kind in [ActionSpace.Kind.increments, .factors(count: 11), .delta, .instant] {
      var settings = Self.settings
      settings.action.kind = kind
      settings.shield.waitsForCuts = true
      settings.shield.restoreAfter = 65
      let header = DecisionLogHeader(
        version: "0", started: "", applies: true, interval: 1,
        agents: .init(checkpoint: "", sha256: "", algorithm: "", hack: 1), settings: settings)
      let read = try DecisionLog.decoder().decode(
        DecisionLogHeader.self, from: try DecisionLog.encoder().encode(header))
      #expect(read == header)
      #expect(try read.settings() == settings)
    }
  }

  @Test("an explanation says what was measured, wanted, granted and sent")
  func explains() throws {
    try log(rounds: 20, seed: 3)
    var record: DecisionRecord?
    try DecisionLog.read(path) { line, _ in
      if case .record(let next) = line, next.sent.contains(0) { record = next }
    }
    let found = try #require(record)
    let explanation = DecisionExplanation(header(), found, place: 0)
    #expect(explanation.paragraphs.map(\.title) == ["measured", "seen", "agent", "shield", "pool", "outcome"])
    #expect(explanation.paragraphs[0].text.contains("m used"))
    #expect(explanation.paragraphs.last?.text.contains("was sent") == true)
  }
}
