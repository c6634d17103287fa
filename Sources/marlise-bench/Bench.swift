import Foundation
import Learning
import NeuralNetwork

/// Measures what the learning core is made for: updates, decisions, and how much of the machine's arithmetic they use.
@main
struct Bench {
  static let usage = """
    Usage: marlise-bench [--json] [--clock wall|cpu] [--runs N] [--only TEXT]

      --json        one JSON document instead of a table
      --clock C     wall (default), or cpu: time given to this process (with two threads their sum)
      --runs N      timed runs per line, 1 to 1000; medians are shown (default 7)
      --only TEXT   lines whose name contains TEXT
    """

  static func main() {
    var (json, clock, runs, only) = (false, Clock.wall, 7, "")
    var arguments = Array(CommandLine.arguments.dropFirst())
    while !arguments.isEmpty {
      let flag = arguments.removeFirst()
      let value = arguments.first ?? ""
      switch flag {
      case "--json":
        json = true
        continue
      case "--help", "-h":
        print(usage)
        return
      case "--clock":
        guard let known = Clock(rawValue: value) else { fail("--clock is wall or cpu, not '\(value)'") }
        clock = known
      case "--runs":
        guard let count = Int(value), (1...1000).contains(count) else { fail("--runs is 1 to 1000, not '\(value)'") }
        runs = count
      case "--only": only = value
      default: fail("unknown flag '\(flag)'; see --help")
      }
      if !arguments.isEmpty { arguments.removeFirst() }
    }
    do {
      try run(json: json, clock: clock, runs: runs, only: only)
    } catch {
      FileHandle.standardError.write(Data("error: \(error)\n".utf8))
      exit(1)
    }
  }

  static func fail(_ sentence: String) -> Never {
    FileHandle.standardError.write(Data("error: \(sentence)\n".utf8))
    exit(2)
  }

  static func run(json: Bool, clock: Clock, runs: Int, only: String) throws {
    let work = Workloads(clock: clock, runs: runs)
    let products = work.products()
    let peak = products.map(\.value).max() ?? 0
    var rows = products.filter { only.isEmpty || $0.name.contains(only) }
    try Kernels.using(.blas) {}
    if !json {
      print("\(CPU.model); kernels: \(Kernels.own.name), and \(Kernels.blas.name) where a line says so")
      print(line("", "threads", "median", "best", "", "of sgemm peak"))
      for row in rows { show(row, peak: peak) }
    }
    func add(_ name: String, _ measure: () throws -> [Row]) rethrows {
      guard only.isEmpty || name.contains(only) else { return }
      for row in try measure() {
        rows.append(row)
        if !json { show(row, peak: peak) }
      }
    }
    for name in Algorithms.names {
      let updates = 200
      for kernels in Kernels.allCases {
        try add("\(name) update") {
          [try work.updates(name, agents: 2, threads: 1, updates: updates, kernels: kernels)]
        }
      }
      try add("\(name) update") { try work.scaling(name, updates: updates) }
    }
    for name in ["mdqn", "ppo", "ddpg"] { try add("\(name) training") { try work.training(name, episodes: 6) } }
    try add("mdqn checkpoint") { try work.checkpoints("mdqn") }
    for name in ["mdqn", "ppo"] {
      for kernels in Kernels.allCases {
        try add("\(name) decision") { [try work.decision(name, repeats: 20_000, kernels: kernels)] }
      }
    }
    for shared in [true, false] {
      try add("mdqn agents") {
        [try work.tick("mdqn", agents: 10_000, shared: shared, threads: 1, kernels: .blas)]
      }
      for threads in [1, 2] {
        try add("mdqn agents") { [try work.tick("mdqn", agents: 10_000, shared: shared, threads: threads)] }
      }
    }
    for rate in [10.0, 30.0] {
      for workers in [1, 4] {
        try add("simulator, \(Int(rate)) requests/s, W = \(workers)") {
          [try work.simulator(rate: rate, workers: workers)]
        }
      }
    }
    for name in ["mdqn", "ppo"] {
      try add("simulator's share of training, \(name)") { [try work.simulatorShare(name)] }
    }
    if json { try printJSON(rows, peak: peak, clock: clock, runs: runs) }
  }

  // MARK: Output

  static func show(_ row: Row, peak: Double) {
    let share = row.gigaflops.map { String(format: "%.0f %%", 100 * $0 / (peak * Double(row.threads))) } ?? ""
    print(line(row.name, "\(row.threads)", number(row.value), number(row.best), row.unit, share))
    fflush(nil)
  }

  static func number(_ value: Double) -> String { String(format: value < 100 ? "%.2f" : "%.0f", value) }

  static func line(
    _ name: String, _ threads: String, _ median: String, _ best: String, _ unit: String, _ share: String
  )
    -> String
  {
    func right(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(0, width - text.count)) + text
    }
    let padded = name + String(repeating: " ", count: max(0, 40 - name.count))
    let unitPadded = unit + String(repeating: " ", count: max(0, 9 - unit.count))
    return padded + right(threads, 8) + right(median, 10) + right(best, 10) + "  " + unitPadded + right(share, 14)
  }

  static func printJSON(_ rows: [Row], peak: Double, clock: Clock, runs: Int) throws {
    let document: [String: Any] = [
      "clock": clock.rawValue, "runs": runs, "sgemm_peak_gflops": peak, "seed": 1, "cpu": CPU.model,
      "kernels": ["own": Kernels.own.name, "blas": Kernels.blas.name],
      "rows": rows.map { row -> [String: Any] in
        var entry: [String: Any] = [
          "name": row.name, "threads": row.threads, "median": row.value, "best": row.best, "unit": row.unit,
        ]
        if let gigaflops = row.gigaflops {
          entry["gflops"] = gigaflops
          entry["share_of_peak"] = gigaflops / (peak * Double(row.threads))
        }
        return entry
      },
    ]
    let data = try JSONSerialization.data(withJSONObject: document, options: [.prettyPrinted, .sortedKeys])
    FileHandle.standardOutput.write(data)
    FileHandle.standardOutput.write(Data("\n".utf8))
  }
}
