import Foundation
import Testing

@testable import Training

@Suite("Records of a run")
struct RecordTests {
  @Test(
    "the check is Castagnoli's",
    arguments: [
      (Array(repeating: 0, count: 32), 0x8a91_36aa), (Array(repeating: 0xff, count: 32), 0x62a8_ab43),
      (Array(0..<32), 0x46dd_794e), (Array("123456789".utf8), 0xe306_9283), ([], 0),
    ] as [([UInt8], UInt32)])
  func check(bytes: [UInt8], expected: UInt32) {
    // RFC 3720, B.4; the fourth is the usual check value.
    #expect(CRC32C.of(bytes) == expected)
  }

  private func bytes(_ hex: String) -> [UInt8] {
    stride(from: 0, to: hex.utf8.count, by: 2).compactMap { UInt8(hex.dropFirst($0).prefix(2), radix: 16) }
  }

  @Test("records are those that TensorBoard's own writer writes")
  func golden() {
    let time = 1.5e9 + 0.25
    #expect(
      EventRecord.version(wallTime: time)
        == bytes("1800000000000000a37f4b2209000010c00b5ad6411a0d627261696e2e4576656e743a32130a0322"))
    #expect(
      EventRecord.scalars([("training/reward", -1.5), ("agents/reward_agent_0", 0.1)], step: 300, wallTime: time)
        == bytes(
          "440000000000000043592e9a09000010c00b5ad64110ac022a360a160a0f747261696e696e672f726577617264150000c0bf0a1c0a156167"
            + "656e74732f7265776172645f6167656e745f3015cdcccc3dee1cbdb2"))
  }

  @Test("what comes before a step is found again, whatever stands behind it")
  func cut() {
    let records =
      [EventRecord.version(wallTime: 7)]
      + [0, 1, 2, 300].map {
        EventRecord.scalars([("a", Float($0))], step: $0, wallTime: 7)
      }
    let file = Array(records.joined())
    for step in [0, 1, 2, 3, 301] {
      let expected = 1 + [0, 1, 2, 300].count { $0 < step }
      #expect(EventRecord.length(ofStepsBefore: step, in: file) == records.prefix(expected).joined().count)
    }
    // A record that was cut off, or damaged, ends what can be used.
    let whole = records.dropLast().joined().count
    #expect(EventRecord.length(ofStepsBefore: 301, in: file.dropLast()) == whole)
    var damaged = file
    damaged[whole + 14] ^= 1
    #expect(EventRecord.length(ofStepsBefore: 301, in: damaged) == whole)
    var endless = file
    endless.replaceSubrange(whole..<whole + 8, with: Array(repeating: 0xff, count: 8))
    #expect(EventRecord.length(ofStepsBefore: 301, in: endless) == whole)
    #expect(EventRecord.length(ofStepsBefore: 1, in: []) == 0)
  }

  private func summary(_ episode: Int, reward: Double = 0.5) -> EpisodeSummary {
    EpisodeSummary(
      episode: episode, reward: reward, agentRewards: [reward, 1], meanLatency: 0.25, meanLimit: 300, resizes: 12,
      exploration: 0.1, loss: .nan, updates: 7)
  }

  @Test("the same row as CSV and as JSON, which has numbers that are finite and null")
  func rows() throws {
    let row = MetricRow(summary(3, reward: .infinity), validation: -1)
    #expect(row.csv == "3,inf,0.25,300.0,12.0,0.1,nan,7,-1.0,inf,1.0\n")
    #expect(
      row.json
        == #"{"episode":3,"reward":null,"mean_latency_s":0.25,"mean_limit_m":300.0,"resizes":12.0,"exploration":0.1,"#
        + #""loss":null,"updates":7,"validation":-1.0,"reward_agent_0":null,"reward_agent_1":1.0}"# + "\n")
    #expect(MetricRow(summary(3), validation: nil).csv.contains(",7,,0.5,"))
  }

  @Test("a curve that goes on is the curve that never stopped, also when rows were cut off")
  func resumed() throws {
    let folder = NSTemporaryDirectory() + "marlise-records-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func curve(_ name: String, _ episodes: Range<Int>) throws -> RunFolder {
      let run = try RunFolder("\(folder)/\(name)", force: true)
      var curve = try LearningCurve(in: run, agents: 2, from: episodes.lowerBound, now: { 5 })
      for episode in episodes { try curve.add(summary(episode), validation: episode % 2 == 0 ? nil : 3) }
      try curve.close()
      return run
    }
    let whole = try curve("whole", 0..<9)
    let parts = try curve("parts", 0..<6)
    for name in ["metrics.csv", "metrics.jsonl", "metrics.tfevents"] {
      let file = try FileHandle(forUpdating: URL(fileURLWithPath: parts.path(name)))
      try file.truncate(atOffset: file.seekToEnd() - 9)
      try file.close()
    }
    _ = try curve("parts", 4..<9)
    for name in ["metrics.csv", "metrics.jsonl", "metrics.tfevents"] {
      #expect(FileManager.default.contentsEqual(atPath: whole.path(name), andPath: parts.path(name)), "\(name)")
    }
    #expect(throws: TrainingError.self) { try LearningCurve(in: whole, agents: 3, from: 2) }
  }
}
