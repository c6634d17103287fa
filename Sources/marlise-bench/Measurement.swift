import Foundation

/// The clock that rates are taken from.
enum Clock: String {
  /// Time that passes; right on an idle machine.
  case wall
  /// Time that this process's threads were given: right for one thread where others use the cores too.
  case cpu

  func now() -> Double {
    var time = timespec()
    clock_gettime(self == .wall ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

/// Runs of one piece of work.
struct Measurement {
  /// Seconds per operation of each run, sorted.
  let seconds: [Double]

  var median: Double { seconds[seconds.count / 2] }
  var best: Double { seconds[0] }

  /// Times `work`, which does `operations` operations, `runs` times after one that does not count.
  init(clock: Clock, runs: Int, operations: Int, _ work: () throws -> Void) rethrows {
    try work()
    var times: [Double] = []
    for _ in 0..<max(1, runs) {
      let start = clock.now()
      try work()
      times.append((clock.now() - start) / Double(operations))
    }
    seconds = times.sorted()
  }
}

/// One line of the result.
struct Row {
  var name: String
  var threads: Int
  var value: Double
  var unit: String
  /// The run that came out best, in the same unit.
  var best: Double
  /// Billions of floating point operations per second, where the work is arithmetic.
  var gigaflops: Double?
}

/// What the numbers were measured on.
enum CPU {
  static var model: String {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
    let name = line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) }
    return "\(name ?? "unknown processor"), \(ProcessInfo.processInfo.activeProcessorCount) cores"
  }
}
