import Autoscaling
import Foundation
import Glibc
import Kubernetes

/// Writes what pods use, round by round: every fresh sample to one file, the mean request rate of every second to another.
///
/// The sample file has a line per pod and sample: `time,pod,limit,request,usage,throttled,memory,rps,response`; CPU in
/// millicores, memory in bytes, times in seconds, nothing where the source does not know. The trace has the columns
/// `second,rps` that `train` and `eval` play: requests per second and pod, without gaps.
public final class PodRecorder {
  /// Where request rates come from.
  public enum Rates: Sendable {
    /// From measurements, one per `namespace/pod`.
    case measured
    /// From CPU time: usage ÷ this many CPU-seconds per request. Low where pods are throttled.
    case estimated(secondsPerRequest: Double)
    case none
  }

  private let samples: CSVOutput
  private let trace: CSVOutput?
  private let rates: Rates
  private var newest: [String: Double] = [:]
  private var seconds = 0
  public private(set) var samplesWritten = 0
  public var secondsWritten: Int { seconds }

  /// - Throws: `LiveError` when a file cannot be written.
  public init(samples: String, trace: String?, rates: Rates) throws {
    self.rates = rates
    self.samples = try CSVOutput(samples, header: "time,pod,limit,request,usage,throttled,memory,rps,response")
    self.trace = try trace.map { try CSVOutput($0, header: "second,rps") }
  }

  /// - Parameters:
  ///   - elapsed: seconds since the recording began; seconds up to it are written to the trace.
  ///   - rates: requests per second by `namespace/pod`.
  ///   - responses: response times by `namespace/pod`, seconds.
  public func take(
    _ readings: [(key: String, sample: PodSample)], elapsed: Double, rates measured: [String: Double],
    responses: [String: Double]
  ) throws {
    var sum = 0.0
    var count = 0
    var lines = ""
    for (key, sample) in readings {
      let rate: Double?
      switch rates {
      case .measured: rate = measured[key]
      case .estimated(let seconds): rate = max(sample.usage, 0) / 1000 / seconds
      case .none: rate = nil
      }
      if let rate {
        sum += rate
        count += 1
      }
      if let last = newest[key], sample.time <= last { continue }
      newest[key] = sample.time
      samplesWritten += 1
      func text(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
      lines += "\(sample.time),\(key),\(sample.limit),\(sample.request),\(sample.usage),\(sample.throttledFraction),"
      lines += "\(sample.memory > 0 ? String(sample.memory) : ""),\(text(rate)),\(text(responses[key]))\n"
    }
    try samples.write(lines)
    guard let trace, count > 0 else { return }
    // A round that came late stands for the seconds before it too.
    var rows = ""
    while Double(seconds) < elapsed.rounded(.down), seconds < 1_000_000_000 {
      rows += "\(seconds),\(max(sum / Double(count), 0))\n"
      seconds += 1
    }
    try trace.write(rows)
  }
}

/// A CSV file that is written line by line; what is there was written whole.
private final class CSVOutput {
  private let path: String
  private let file: Int32

  init(_ path: String, header: String) throws {
    self.path = path
    file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw LiveError("\(path) cannot be written: \(String(cString: strerror(errno)))") }
    try write(header + "\n")
  }

  deinit { close(file) }

  func write(_ text: String) throws {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      if count < 0, errno != EINTR { throw LiveError("\(path) cannot be written: \(String(cString: strerror(errno)))") }
      bytes = bytes.dropFirst(max(count, 0))
    }
  }
}
