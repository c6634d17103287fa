import Foundation
import Terminal

/// `metrics.csv` of a training run, as far as a picture needs it.
struct RecordedCurve {
  let name: String
  private(set) var rewards: [Double] = []
  /// Milliseconds.
  private(set) var latencies: [Double] = []

  init(folder: String) throws {
    let path = folder + "/metrics.csv"
    name = URL(fileURLWithPath: folder).lastPathComponent
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw Failure("\(path) cannot be read, expected the folder of a training run")
    }
    let lines = text.split(separator: "\n")
    let columns = (lines.first ?? "").split(separator: ",").map(String.init)
    guard let reward = columns.firstIndex(of: "reward"), let latency = columns.firstIndex(of: "mean_latency_s") else {
      throw Failure("\(path) has no columns 'reward' and 'mean_latency_s', expected those of a training run")
    }
    for (number, line) in lines.enumerated().dropFirst() {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false)
      guard fields.count > max(reward, latency), let r = Double(fields[reward]), let l = Double(fields[latency]) else {
        throw Failure("\(path) row \(number + 1): expected numbers for reward and mean_latency_s")
      }
      rewards.append(r)
      latencies.append(l * 1000)
    }
  }
}
