import Foundation
import RandomStreams
import TestSupport
import Testing

@testable import PodSimulation

@Suite("Traces")
struct TraceTests {
  func load(_ text: String) throws -> Trace {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("trace-\(UUID().uuidString).csv")
    try Data(text.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    return try Trace.load(file.path)
  }

  @Test(
    "a file that is not a trace is refused with file, row and expectation",
    arguments: [
      ("", "has no header line"),
      ("\n", "has no header line"),
      ("second,rps\n", "has no rows below its header, expected one per second"),
      ("second,rate\n0,1\n", "has no column 'rps', expected it among: second,rate"),
      ("time,rps\n0,1\n", "has no column 'second', expected it among: time,rps"),
      ("second,rps\n0,1\n1,x\n", "row 3: rps is 'x', expected a finite number"),
      ("second,rps\n0,\n", "row 2: rps is '', expected a finite number"),
      ("second,rps\n0,nan\n", "row 2: rps is 'nan', expected a finite number"),
      ("second,rps\n0,1e999\n", "row 2: rps is '1e999', expected a finite number"),
      ("second,rps\n0,-1\n", "row 2: rps is '-1', expected a number ≥ 0.0"),
      ("second,rps\n0,1\n1,1e300\n", "row 3: rps is '1e300', expected at most 1000000000000.0 requests/s"),
      ("second,rps\n0,1\n2,1\n", "row 3: second is '2', expected 1: seconds ascend one by one, without gaps"),
      ("second,rps\n1,1\n0,1\n", "row 3: second is '0', expected 2: seconds ascend one by one, without gaps"),
      ("second,rps\n0.5,1\n", "row 2: second is '0.5', expected a whole number in 0…1000000000"),
      ("second,rps\n1e300,1\n", "row 2: second is '1e300', expected a whole number in 0…1000000000"),
      ("second,rps\n0,1,2\n", "row 2 has 3 fields, expected 2"),
      ("second,rps\n0,1\n\n1,1\n", "row 3 has 1 fields, expected 2"),
    ])
  func refusals(text: String, sentence: String) throws {
    let error = #expect(throws: SimulationError.self) { try load(text) }
    let description = try #require(error).description
    #expect(description.contains(sentence), "\(description)")
    #expect(description.contains("trace-"))
  }

  @Test("a missing file and a directory are refused")
  func unreadable() {
    #expect(throws: SimulationError.self) { try Trace.load("/nonexistent/trace.csv") }
    #expect(throws: SimulationError.self) { try Trace.load("/") }
  }

  @Test("columns are found by name; line ends, a byte-order mark and a missing last newline do not matter")
  func leniency() throws {
    #expect(try load("\u{FEFF}rps,second\r\n1.5,7\r\n2.25,8").rates == [1.5, 2.25])
    #expect(try load("second,rps,note\n0,1e1,x\n1,123456789.123456789,\n").rates == [10, 123456789.123456789])
  }

  @Test("rescaling keeps the shape, compression and smoothing the mean")
  func transformations() throws {
    let trace = try Trace(name: "t", rates: [1, 3, 5, 7, 9, 11])
    #expect(try trace.rescaled(mean: 12).rates == [2, 6, 10, 14, 18, 22])
    #expect(try trace.compressed(by: 2).rates == [2, 6, 10])
    #expect(try trace.compressed(by: 4).rates == [4])
    #expect(try trace.smoothed(window: 3).rates == [2, 3, 5, 7, 9, 10])
    #expect(try trace.spliced(4..<6, with: trace.spliced(0..<1)).rates == [9, 11, 1])
    #expect(trace[cyclic: -1] == 11 && trace[cyclic: 7] == 3)
    var random = RandomStream(seed: 1, purpose: "noise")
    let noisy = try Trace(name: "c", rates: Array(repeating: 10, count: 20_000)).noisy(variation: 0.3, using: &random)
    #expect(abs(noisy.mean - 10) < 0.1)
    #expect(throws: SimulationError.self) { try Trace(name: "z", rates: [0, 0]).rescaled(mean: 1) }
    #expect(throws: SimulationError.self) { try trace.compressed(by: 7) }
    #expect(throws: SimulationError.self) { try trace.spliced(3..<9) }
    #expect(throws: SimulationError.self) { try Trace(name: "e", rates: []) }
    #expect(throws: SimulationError.self) { try Trace(name: "n", rates: [.nan]) }
    #expect(throws: SimulationError("trace o: its rates are too large for a mean")) {
      try Trace(name: "o", rates: [1e308, 1e308])
    }
  }

  @Test("a recording above what a pod may get is refused at once, unless it is scaled")
  func largeMean() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("trace-\(UUID().uuidString).csv")
    try Data("second,rps\n0,250000\n1,150000\n".utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    var settings = WorkloadSettings("trace", mean: 10, minimum: 0)
    settings.trace = TraceSettings(path: file.path, isRescaled: false)
    let sentence =
      "trace \(file.path) has a mean of 200000.0 requests/s, expected at most 100000.0; it has to be scaled to what one pod "
      + "gets"
    #expect(throws: SimulationError(sentence)) { try Workload(settings) }
    settings.trace?.isRescaled = true
    #expect(try Workload(settings).mean == 10)
    settings.mean = 100_000
    #expect(try Workload(settings).mean == 100_000)
  }

  @Test(
    "real recordings load",
    .enabled(if: SharedMaterial.has("data/traces"), "needs the shared traces"),
    arguments: [
      ("autothrottle-bursty", 163.27), ("nasa-1995-day-a", 1.55), ("azure-llm-conv", 5.48), ("nab-elb-requests", 60.07),
    ])
  func recordings(name: String, mean: Double) throws {
    let trace = try Trace.load(SharedMaterial.file("data/traces/\(name).csv").path)
    #expect(trace.seconds == 3600)
    #expect(abs(trace.mean - mean) < 0.006)
  }

  @Test("a load plays a part of a recording, others behind it, faster, shifted from pod to pod")
  func settings() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("traces-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func write(_ name: String, _ rates: [Double]) throws -> String {
      let path = folder.appendingPathComponent(name).path
      let rows = rates.enumerated().map { "\($0),\($1)\n" }.joined()
      try Data(("second,rps\n" + rows).utf8).write(to: URL(fileURLWithPath: path))
      return path
    }
    let (first, second) = (try write("a.csv", [9, 1, 2, 3, 4, 9]), try write("b.csv", [5, 6, 7, 8]))
    var trace = TraceSettings(path: first, compression: 2, start: 0, isRescaled: false)
    (trace.from, trace.to, trace.followers, trace.offset) = (1, 5, [second], 1)
    let workload = try Workload(WorkloadSettings("trace", minimum: 0, trace: trace))
    #expect(workload.recordedSeconds == 4)
    // 1 2 3 4 5 6 7 8, two seconds as one.
    #expect(
      workload.rates(pods: 2, seconds: 5, seed: 1, episode: 0) == [
        [1.5, 3.5, 5.5, 7.5, 1.5], [3.5, 5.5, 7.5, 1.5, 3.5],
      ])
    trace.to = 7
    #expect(throws: SimulationError("seconds 1 to 7 of trace \(first), expected a part of its 0 to 6")) {
      try Workload(WorkloadSettings("trace", minimum: 0, trace: trace))
    }
  }
}
